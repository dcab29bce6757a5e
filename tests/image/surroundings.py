"""Users and restrictions that an image is restored under: commands that go before the wrapper's."""

import os
import sys
import sysconfig
from pathlib import Path

import images
import pytest

NOBODY = 65534

PLACES = (
    "as-started",
    pytest.param("stranger", marks=images.needs_root),
    pytest.param("powerless", marks=images.needs_root),
    "filtered",
)


def prefix(place, workshop):
    """The commands of a place."""
    if place == "stranger":
        return stranger(workshop)
    if place == "powerless":
        return ("setpriv", "--no-new-privs", "--bounding-set=-all", "--inh-caps=-all")
    if place == "filtered":
        return (sys.executable, "-I", "-S", workshop.programs / "filtered.py")
    return ()


def stranger(workshop):
    """A user without privileges from whom the interpreter, its library and its environment are hidden."""
    for archive in workshop.folder.glob("archives/*/*.glow"):
        archive.chmod(0o644)
    packages = sys.prefix if sys.prefix != sys.base_prefix else sysconfig.get_path("purelib")
    hidden = [Path(packages), Path(sys.base_prefix)]
    executable = Path(sys.executable).resolve()
    closed = workshop.folder / "closed"
    closed.touch(mode=0o000)
    lines = ["set -e"]
    if sys.base_prefix.endswith("/usr"):
        # A distribution's: other libraries lie there too, and libffi opens itself again (its static trampolines).
        hidden[1] = Path(os.__file__).parent
        lines.append(f"mount --bind '{closed}' '{executable}'")
    lines += [f"mount -t tmpfs -o mode=700 none '{folder}'" for folder in hidden]
    lines.append(f'exec setpriv --reuid={NOBODY} --regid={NOBODY} --clear-groups --no-new-privs "$@"')
    return ("unshare", "--mount", "/bin/sh", "-c", "\n".join(lines), "sh")
