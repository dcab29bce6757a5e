"""The virtual environment of the build's own tools: `target/venvs/tools`."""

import shutil
import subprocess
import sys

import places
import stamp
import system_packages
from progress import say, step

REQUIREMENTS = places.REQUIREMENTS / "tools.txt"


def create():
    """Makes an environment with pip from the Python that runs this script."""
    make = [sys.executable, "-m", "venv", "--clear", places.TOOLS]
    if subprocess.run(make, capture_output=True, check=False).returncode == 0:
        return
    # Debian keeps ensurepip, which `venv` needs, in a package of its own.
    minor = f"python{sys.version_info.major}.{sys.version_info.minor}"
    if problem := system_packages.install([f"{minor}-venv"], "making virtual environments"):
        sys.exit(problem)
    subprocess.run(make, check=True)


def main():
    wanted = stamp.digest(sys.executable, sys.version, places.TOOLS, files=[REQUIREMENTS])
    if stamp.is_current(places.TOOLS / ".stamp", wanted):
        say("tools: up to date")
        return
    with step("tools: installing"):
        shutil.rmtree(places.TOOLS, ignore_errors=True)
        create()
        subprocess.run(
            [places.TOOLS / "bin" / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
             "--only-binary", ":all:", "--requirement", REQUIREMENTS],
            check=True,
        )  # fmt: skip
    stamp.write(places.TOOLS / ".stamp", wanted)


if __name__ == "__main__":
    main()
