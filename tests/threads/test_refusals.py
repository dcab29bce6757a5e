"""Threads that cannot be carried: the snapshot step names each with its library and call, and a remedy."""

import json

import pytest
from processes import PYTHON, glowplug

CLOSE = "close it before the image is taken"
# What the program does, what is said of it, and what can be done.
REFUSED = {
    "receiving": ("waits in recvfrom(2) on descriptor", "an IPv4 socket is connected to 127.0.0.1:", CLOSE),
    "accepting": ("waits in accept4(2) on descriptor", "listens on 127.0.0.1:", "listen in the handler only"),
    "connecting": ("waits in connect(2) on descriptor", "waiter", "connect in the handler"),
    "polling": ("waits in poll(2) on descriptor", "an IPv4 socket is connected to", CLOSE),
    "selecting": ("waits in pselect6(2) on descriptor", "an IPv4 socket is connected to", CLOSE),
    "reading": ("waits in read(2) on descriptor", "the named pipe", "close it at the end of init"),
    "child": ("waits in wait4(2)", "the child process sleep", "wait for the child process before init ends"),
    "locking": ("waits in flock(2) on descriptor", "/locked", "take the lock in the handler"),
    "calculating": ("runs, and did not come to rest within a second", "waiter", "have it wait for work"),
}


@pytest.fixture
def refused(workshop):
    """Runs a program that calls one of `programs/waits.py`; what the snapshot step says."""

    def run(name, end="glowplug.snapshot_point()"):
        program = workshop.programs / f"refused_{name}.py"
        program.write_text(f"import glowplug\nimport waits\n\nwaits.{name}()\n{end}\n", encoding="utf-8")
        done = workshop.snapshot(program.stem, (PYTHON, program), (), workshop.variables)
        assert done.status == 1, done
        assert not list(workshop.folder.glob(f"archives/{program.stem}/*.glow"))
        return done.err

    return run


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_a_thread_that_cannot_be_carried_is_named_with_its_call_and_a_remedy(name, refused):
    said = refused(name)
    assert "no image can be taken of this process" in said
    assert "  thread: the daemon thread 'waiter'" in said
    for part in REFUSED[name]:
        assert part in said
    assert "waits.py:" in said


def test_a_child_process_and_a_timer_are_refused_too(refused):
    assert "child-process: the child process sleep" in refused("child")
    said = refused("timer")
    assert "timer: the POSIX timer 0 exists" in said
    assert "remedy: cancel it at the end of init" in said


@pytest.mark.parametrize("name, kind", [("robust", "robust"), ("inheriting", "priority-inheriting")])
def test_mutexes_that_the_kernel_knows_the_owner_of_are_refused(name, kind, refused):
    said = refused(name)
    assert f"holds a {kind} mutex" in said


def test_a_snapshot_point_in_another_thread_is_refused(refused):
    said = refused("other_thread", end="")
    assert "which is not the main one" in said
    assert "remedy: call it in the main thread" in said


COUNTING = """
import threading

def count():
    number = 0
    while True:
        number += 1

for _ in range(3):
    threading.Thread(target=count, name="counter", daemon=True).start()

def handler(event, context):
    return number
"""


def test_threads_that_run_python_code_are_at_rest_while_an_image_is_taken(tmp_path):
    (tmp_path / "app.py").write_text(COUNTING, encoding="utf-8")
    report = json.loads(glowplug("doctor", "app.handler", "--root", tmp_path, "--python", PYTHON, "--json").out)
    assert all(thread["call"] == "futex" for thread in report["obstacles"] if thread["kind"] == "thread")
    assert "did not come to rest" not in str(report)
