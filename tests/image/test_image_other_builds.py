"""An image meets another build of its interpreter or of its C library, as an update of the system brings them."""

import json
import shutil
import sys
import sysconfig
from pathlib import Path

import images
import pytest

TARGET = Path(__file__).resolve().parents[2] / "target"
REAL = Path(sys.executable).resolve()
# Debian sid's C library, unpacked with its Python.
SID = TARGET / "sid-python3.14" / "usr" / "lib" / "x86_64-linux-gnu"


def others():
    """Other builds of this minor version of Python."""
    try:
        known = json.loads((TARGET / "pythons.json").read_text("utf-8"))["pythons"]
    except OSError:
        return []
    minor = f"{sys.version_info[0]}.{sys.version_info[1]}"
    found = {Path(one["executable"]).resolve() for one in known if one["minor"] == minor}
    return sorted(found - {REAL})


def plain(done, changed):
    """Makes sure that the start used neither image nor code archive, and said of each why. Returns the reasons."""
    image, code = done.succeeded().lines
    assert f"{images.NOT_USED}this file has changed: {changed}" in image
    assert image.endswith("; starting from the code archive")
    assert json.loads(done.out)["rung"] == "plain"
    return image, code


@pytest.mark.skipif(not others(), reason="there is one build of this version here")
def test_another_build_of_the_same_version(workshop):
    link = workshop.folder / "builds" / "python3"
    link.parent.mkdir()
    link.symlink_to(REAL)
    # Both find the package: it is for each build of each version.
    variables = {"PYTHONPATH": sysconfig.get_path("purelib")}
    image = workshop.take("builds", "small.py", python=link, variables=variables)
    assert json.loads(image.restored().out)["rung"] == "image"
    for other in others():
        link.unlink()
        link.symlink_to(other)
        _, code = plain(image.start(), link)
        assert "another build" in code or "another interpreter" in code
        link.unlink()
        link.symlink_to(REAL)
    assert json.loads(image.restored().out)["rung"] == "image"


@images.needs_root
@pytest.mark.skipif(
    not SID.is_dir() or str(TARGET.resolve()) in str(REAL) or "sid-" in str(REAL),
    reason="needs Debian sid's C library, and a Python that runs with it and with another",
)
def test_another_c_library(small):
    prefix = (sys.executable, "-I", "-S", small.folder / "programs" / "other_libc.py", SID)
    _, code = plain(small.start(prefix=prefix), "")
    assert "C library" in code or "libc" in code
    # The same command without the other library: nothing else stood in the way.
    (empty := small.folder / "no-libraries").mkdir()
    done = small.restored(prefix=(*prefix[:-1], empty))
    assert json.loads(done.out)["rung"] == "image"
    shutil.rmtree(empty)
