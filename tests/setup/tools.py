"""The virtual environment of the build's own tools: `target/venvs/tools`."""

import fcntl
import shutil
import subprocess
import sys

import installer
import places
import stamp
import system_packages
from progress import say, step

REQUIREMENTS = places.REQUIREMENTS / "tools.txt"


def create(folder):
    """Makes an environment from the Python that runs this script; the tools' one with pip, which fills it."""
    make = [sys.executable, "-m", "venv", "--clear", *([] if folder == places.TOOLS else ["--without-pip"]), folder]
    if subprocess.run(make, capture_output=True, check=False).returncode == 0:
        return
    # Debian keeps ensurepip, which `venv` needs, in a package of its own.
    minor = f"python{sys.version_info.major}.{sys.version_info.minor}"
    if problem := system_packages.install([f"{minor}-venv"], "making virtual environments"):
        sys.exit(problem)
    subprocess.run(make, check=True)


def install(folder, requirements):
    """Makes the environment in `folder` with what a file of requirements pins, unless it is there already."""
    wanted = stamp.digest(sys.executable, sys.version, folder, files=[requirements])
    if stamp.is_current(folder / ".stamp", wanted):
        say(f"{folder.name}: up to date")
        return
    with step(f"{folder.name}: installing"):
        shutil.rmtree(folder, ignore_errors=True)
        create(folder)
        if folder == places.TOOLS:
            # The installer is one of them: the rest takes it a third of pip's time.
            subprocess.run(
                [folder / "bin" / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
                 "--only-binary", ":all:", "--constraint", requirements, "uv"],
                check=True,
            )  # fmt: skip
        installer.install(folder / "bin" / "python", [requirements])
    stamp.write(folder / ".stamp", wanted)


if __name__ == "__main__":
    places.TARGET.mkdir(exist_ok=True)
    # Runs of make that go on side by side need it both: the second waits until it is there.
    with (places.TARGET / "tools.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        install(places.TOOLS, REQUIREMENTS)
