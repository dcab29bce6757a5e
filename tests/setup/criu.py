"""CRIU 4 from Debian sid, unpacked below `target/` with its own libraries, for the comparison with it.

Debian's stable CRIU fails on recent kernels. The benchmarks use this one where no other is installed; without it, or
where it may not do its work (it needs root), they say so in the report and go on.
"""

import os
import shutil
import sys

import debian_archive
import places
import stamp
from progress import say, step

SUITE = "sid"
RECIPE = "1"  # Raise it when what this file produces changes.


def install():
    """Unpacks it unless that was done; returns the program's path. Raises `debian_archive.Unavailable`."""
    program = places.CRIU / "usr" / "sbin" / "criu"
    wanted = stamp.digest(SUITE, places.CRIU, RECIPE)
    if stamp.is_current(places.CRIU / ".stamp", wanted) and program.exists():
        return program
    if os.geteuid() != 0:
        raise debian_archive.Unavailable("it restores as root only")
    if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
        raise debian_archive.Unavailable("this machine has no apt-get and dpkg-deb to fetch it with")
    shutil.rmtree(places.CRIU, ignore_errors=True)
    work = places.TARGET / "apt" / "criu"
    with step(f"fetching CRIU and its libraries from Debian {SUITE}"):
        packages = debian_archive.download(work, SUITE, ["criu"])
    debian_archive.unpack_all(packages, places.CRIU)
    debian_archive.make_runnable(program, places.CRIU)
    version = debian_archive.run([program, "--version"], "starting the unpacked CRIU").split("\n")[0]
    shutil.rmtree(work)
    stamp.write(places.CRIU / ".stamp", wanted)
    say(f"CRIU: {version}, in {places.CRIU.relative_to(places.REPOSITORY)}")
    return program


def main():
    try:
        install()
    except debian_archive.Unavailable as why:
        say(f"CRIU: NOT MEASURED, {why}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
