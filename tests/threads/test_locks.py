"""Locks that are held, and waited for, across the snapshot."""

import json

import pytest


@pytest.fixture(scope="module")
def answers(workshop):
    """What a plain start, and one from the image, says."""
    image = workshop["locks"]
    plain = json.loads(image.start(variables={"GLOWPLUG_MODE": "off"}).silently().out)
    restored = json.loads(image.restored().out)
    assert (plain["rung"], restored["rung"]) == ("plain", "image")
    return plain, restored


def test_all_that_wait_for_a_lock_get_it_when_its_holder_gives_it_back(answers):
    plain, restored = answers
    assert plain["stuck"] == restored["stuck"] == []


def test_locks_answer_their_holders_and_others_as_ever(answers):
    plain, restored = answers
    assert restored["answers"] == plain["answers"]
    # It is seen that locks that know their owners do so.
    assert plain["answers"]["recursive, holder"] == [0, 0, 0, 0, 0, 0]
    assert plain["answers"]["error-checking, holder"] == [0, "EBUSY", 0]
    assert plain["answers"]["writing, holder"] == [0, "EDEADLK", "EDEADLK", 0]
    assert plain["answers"]["main"] == [0, 0, 0, 0, "EPERM"]
