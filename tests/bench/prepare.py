"""What the checks of the benchmarks' report need: the environment `target/venvs/bench`, and Debian's Chromium."""

import shutil
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "setup"))

import places  # noqa: E402
import system_packages  # noqa: E402
import tools  # noqa: E402


def main():
    tools.install(places.VENVS / "bench", HERE / "requirements.txt")
    if shutil.which("chromium") is None and (problem := system_packages.install(["chromium"], "showing the report")):
        sys.exit(problem)


if __name__ == "__main__":
    main()
