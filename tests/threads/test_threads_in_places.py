"""Threads are there again in places that have less than where they were."""

import json
import sys

import images
import pytest
import surroundings

ANSWER = {"rung": "image", "sum": 9900, "there": True, "bound": True, "left": 0}
FILTER = (sys.executable, "-I", "-S", images.PROGRAMS / "filtered.py")
# Commands that go before the wrapper's.
PLACES = {
    "one processor": ("taskset", "-c", "0"),
    "a namespace of processes": ("unshare", "--pid", "--fork", "--kill-child", "--mount-proc"),
    "a filter of system calls": FILTER,
    "no privileges": ("setpriv", "--no-new-privs", "--bounding-set=-all", "--inh-caps=-all"),
}


@pytest.mark.parametrize("place", PLACES)
def test_threads_go_on(place, workshop):
    if place in ("a namespace of processes", "no privileges") and not images.is_root:
        pytest.skip("needs root")
    assert json.loads(workshop["worker"].restored(prefix=PLACES[place]).out) == ANSWER


@images.needs_root
def test_threads_go_on_for_a_user_from_whom_the_interpreter_is_hidden(workshop):
    image = workshop["worker"]
    assert json.loads(image.restored(prefix=surroundings.stranger(workshop)).out) == ANSWER


@images.needs_root
def test_where_threads_cannot_be_started_the_code_archive_is_used(workshop):
    image = workshop["worker"]
    image.archive.chmod(0o644)
    limited = ("setpriv", "--reuid=65533", "--regid=65533", "--clear-groups", "prlimit", "--nproc=1")
    done = image.start(prefix=limited)
    assert "its threads cannot be started: too many processes or threads" in done.lines[0]
    assert done.lines[0].endswith("; starting from the code archive")


def test_every_thread_that_was_there_is_started_once(workshop):
    for _ in range(20):
        assert json.loads(workshop["worker"].restored().out) == ANSWER
