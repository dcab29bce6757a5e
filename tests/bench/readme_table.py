"""The README's table of cold starts, made of the committed results: `readme_table.py [--write] COMMAND...`.

COMMAND is `glowplug bench`. With `--write` what `make bench` measured last becomes the committed results, if there is
any, and the table in README.md is written anew; otherwise the exit status is 1 where they differ.
"""

import argparse
import shutil
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
README = REPOSITORY / "README.md"
RESULTS = REPOSITORY / "benchmarks" / "results" / "default.json"
MEASURED = REPOSITORY / "target" / "bench" / "report" / "results.json"
BEGIN = "<!-- written by `make readme-table` -->\n"
END = "<!-- end of what is written -->\n"


def table(command):
    """What stands between the marks."""
    asked = [*command, "report", RESULTS, "--headline", "warm"]
    done = subprocess.run(asked, check=True, capture_output=True, text=True, cwd=REPOSITORY)
    source = RESULTS.relative_to(REPOSITORY)
    return f"{done.stdout}From [{source.name}]({source}), measured by `make bench`.\n"


def with_table(text, wanted):
    """The README with that table in it."""
    before, rest = text.split(BEGIN)
    _, after = rest.split(END)
    return f"{before}{BEGIN}{wanted}{END}{after}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true")
    parser.add_argument("command", nargs="+")
    options = parser.parse_args()
    if options.write and MEASURED.exists():
        shutil.copyfile(MEASURED, RESULTS)
    text = README.read_text()
    wanted = with_table(text, table(options.command))
    if options.write:
        README.write_text(wanted)
    elif text != wanted:
        sys.exit("README.md has another table than the committed results: run make readme-table")


if __name__ == "__main__":
    main()
