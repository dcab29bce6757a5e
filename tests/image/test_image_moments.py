"""`GLOWPLUG_MOMENTS`: what measures starts is told which rung it was, and when that was certain."""

import re
import time

import pytest

SAID = re.compile(r"glowplug: rung (image|code|plain) at ([0-9]+) ns")


@pytest.mark.parametrize(
    ("rung", "variables", "lines"),
    [
        ("image", {}, 1),
        ("code", {"GLOWPLUG_MODE": "code"}, 1),
        ("plain", {"GLOWPLUG_MODE": "off"}, 1),
        # Two lines: why it is not the image, and what it is.
        ("code", {"COLOUR": "red"}, 2),
    ],
)
def test_a_start_says_its_rung_and_since_when_if_it_is_asked(small, rung, variables, lines):
    began = time.monotonic_ns()
    done = small.start(variables={"GLOWPLUG_MOMENTS": "1", **variables}).succeeded()
    ended = time.monotonic_ns()
    found = [SAID.fullmatch(line) for line in done.lines]
    assert len(found) == lines and found[-1][1] == rung
    assert began < int(found[-1][2]) < ended


def test_a_late_import_decides_nothing(workshop):
    image = workshop.take("late_tool", "late_tool.py", "exit", options=("--import", "plistlib"))
    done = image.start(variables={"GLOWPLUG_MOMENTS": "1"}).succeeded()
    assert [found[1] for found in map(SAID.fullmatch, done.lines) if found] == ["image"]


def test_it_says_nothing_otherwise(small):
    for mode in ("auto", "code", "off"):
        small.restored(variables={"GLOWPLUG_MODE": mode})
