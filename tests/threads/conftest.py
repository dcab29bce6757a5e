"""Fixtures of the tests of threads in process images. Images are taken once a session and started from many times."""

import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
# What takes images, and what examines.
sys.path += [str(HERE.parent / "image"), str(HERE.parent / "doctor")]

import images  # noqa: E402


@pytest.fixture(scope="session")
def workshop():
    """Where images of these tests' programs are taken."""
    made = images.Workshop(HERE / "programs")
    yield made
    made.remove()
