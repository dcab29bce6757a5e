"""Fixtures of the process image's tests. Images are taken once a session and started from many times."""

import json

import images
import pytest
from image_section import ImageFile


@pytest.fixture(scope="session")
def workshop():
    """Where images are taken."""
    made = images.Workshop()
    yield made
    made.remove()


@pytest.fixture(scope="session")
def small(workshop):
    """The image of a program that does little; see `programs/small.py`."""
    return workshop["small"]


@pytest.fixture
def small_file(small):
    """Its archive's bytes."""
    return ImageFile(small.archive)


@pytest.fixture
def damaged(workshop, tmp_path):
    """Where a changed archive goes."""
    path = workshop.folder / f"{tmp_path.name}.glow"
    yield path
    path.unlink(missing_ok=True)


@pytest.fixture
def falls_back(small):
    """Makes sure that a start uses the code archive, and says in one line and in its status that `reason` is why."""

    def check(reason, image=small, **options):
        done = image.start(**options).succeeded()
        (line,) = done.lines
        assert line.startswith(f"glowplug: {options.get('archive') or image.archive}{images.NOT_USED}")
        assert line.endswith("; starting from the code archive")
        assert reason in line
        said = json.loads(done.out)
        assert said["rung"] == "code"
        return said

    return check
