"""Debian packages that the build and the tests need: what is missing is installed as root, or named to the user."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from progress import say, step

# What shows that a package is there, and the package. A command by name, anything else as a path below /.
NEEDED = {
    "gcc": "gcc",
    "bwrap": "bubblewrap",
    "readelf": "binutils",
    "valgrind": "valgrind",
    "qemu-x86_64-static": "qemu-user-static",
    "usr/include/stdio.h": "libc6-dev",
    "usr/share/keyrings/debian-archive-keyring.gpg": "debian-archive-keyring",
}


def present(evidence):
    """Whether a command is on PATH or a file exists."""
    return (Path("/") / evidence).exists() if "/" in evidence else shutil.which(evidence) is not None


def install(packages, why):
    """Installs Debian packages. Returns None, or one line on why that did not work and what to do."""
    packages = sorted(packages)
    command = f"apt-get install {' '.join(packages)}"
    if shutil.which("apt-get") is None:
        return f"{why} needs {', '.join(packages)}, and this machine has no apt-get: install them by hand"
    if os.geteuid() != 0:
        return f"{why} needs Debian packages; run as root: {command}"
    quiet = {"check": False, "stdout": subprocess.DEVNULL, "env": {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}}
    with step(f"{command} ({why})"):
        get = ["apt-get", "-qq", "-y", "--no-install-recommends", "install", *packages]
        if subprocess.run(get, stderr=subprocess.DEVNULL, **quiet).returncode != 0:
            # The usual cause is a machine whose package lists were never fetched, or are old.
            subprocess.run(["apt-get", "-qq", "update"], **quiet)
            if subprocess.run(get, **quiet).returncode != 0:
                return f"{why} needs {', '.join(packages)}, and `{command}` failed"
    return None


def main():
    missing = [package for evidence, package in NEEDED.items() if not present(evidence)]
    if not missing:
        say("system packages: all there")
        return 0
    problem = install(missing, "the build")
    if problem:
        say(problem)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
