"""Threads that cannot be carried: the snapshot step names each with its library and call, and a remedy."""

import json
import platform

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
    "locking_a_record": ("waits in fcntl(2) on descriptor", "/locked", "take the lock in the handler"),
    "locking": ("waits in flock(2) on descriptor", "/locked", "take the lock in the handler"),
    "calculating": ("runs, and did not come to rest within a second", "waiter", "have it wait for work"),
    "robust": ("holds a robust mutex, which the kernel releases", "have the thread release it before the image"),
    "inheriting": ("holds a priority-inheriting mutex, which", "have the thread release it before the image"),
    "wanting": ("waits for a priority-inheriting mutex, which", "have its owner release it before the image"),
    "by_boot_time": ("waits by a clock that is this process's", "have it wait by CLOCK_MONOTONIC"),
    "foreign": ("is not one of the C library's: it keeps no number", "start it with pthread_create(3)"),
    "deaf": ("takes no signal: it blocks signal 33", "leave signal 33 out when the thread blocks signals"),
}
if platform.machine() == "x86_64":
    REFUSED["based"] = ("has a base of gs of its own", "end the thread in a before_snapshot hook")

# Found out when all other threads are at rest.
APART = ("based", "by_boot_time", "deaf", "foreign", "inheriting", "robust", "wanting")


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


@pytest.fixture(scope="module")
def explain(workshop, tmp_path_factory):
    """What the doctor finds in a program with threads of some kinds."""
    known = {}

    def explained(names):
        if names not in known:
            root = tmp_path_factory.mktemp("explained")
            calls = "".join(f"waits.{name}()\n" for name in names)
            (root / "app.py").write_text(f"import waits\n\n{calls}", encoding="utf-8")
            (root / "waits.py").write_bytes((workshop.programs / "waits.py").read_bytes())
            done = glowplug("doctor", "--import", "app", "--root", root, "--python", PYTHON, "--json")
            assert done.status == 4, done
            known[names] = [each for each in json.loads(done.out)["obstacles"] if each["fatal"]]
        return known[names]

    return explained


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_the_doctor_explains_each_with_the_remedy(name, explain):
    found = explain((name,) if name in APART else tuple(kind for kind in sorted(REFUSED) if kind not in APART))
    assert all(each["remedy"] for each in found)
    said = "\n".join(f"{each['what']}; {each['remedy']}; line {each['line']}" for each in found)
    for part in (f"the daemon thread 'waiter' {REFUSED[name][0]}", *REFUSED[name][1:]):
        assert part in said


def test_what_the_main_thread_holds_is_refused_too(refused):
    said = refused("robust_of_main")
    assert "the main thread holds a robust mutex" in said
    assert "remedy: have the thread release it" in said
    said = refused("wanting")
    assert "the main thread holds a priority-inheriting mutex" in said


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
