"""Threads that wait until a time, or for a while: they go on waiting for what they had left, also on another boot."""

import json
import shutil
import subprocess
from pathlib import Path

import images
import pytest

# A machine that has been up for as many seconds more than this one, and one that has just been started.
LATER, JUST_STARTED = "--monotonic=1000000", "--monotonic=-{}"


def uptime():
    return int(float(Path("/proc/uptime").read_text(encoding="ascii").split()[0]))


def has_time_namespaces():
    command = ["unshare", "-T", "--monotonic=1", "true"]
    found = shutil.which("unshare") is not None
    return found and subprocess.run(command, check=False, capture_output=True).returncode == 0


def told(image, **options):
    said = json.loads(image.restored(**options).out)
    assert said["rung"] == "image"
    return said


@pytest.fixture(scope="module")
def plain(workshop):
    """What a plain start says."""
    said = json.loads(workshop["deadlines"].start(variables={"GLOWPLUG_MODE": "off"}).silently().out)
    assert (said["rung"], said["late"], said["early"]) == ("plain", [], [])
    assert said["count"] == 11
    return said


def test_waits_end_when_they_would_have_and_as_they_would_have(workshop, plain):
    restored = told(workshop["deadlines"])
    assert {**restored, "rung": "plain"} == plain


@images.needs_root
@pytest.mark.skipif(not has_time_namespaces(), reason="this kernel has no time namespaces")
@pytest.mark.parametrize("boot", ["just started", "up for long"])
def test_waits_end_on_a_machine_whose_monotonic_clock_is_another(workshop, plain, boot):
    clock = LATER if boot == "up for long" else JUST_STARTED.format(uptime() - 5)
    restored = told(workshop["deadlines"], prefix=("unshare", "-T", clock, "--"))
    assert {**restored, "rung": "plain"} == plain
