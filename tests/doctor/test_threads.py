"""Threads: each is found, with its name, its library and who started it."""

import os
from pathlib import Path

import pytest
from examined import line_of

pytestmark = pytest.mark.no_wheel

BEAT = """
import threading
import time

def beat():
    time.sleep(60)

thread = threading.Thread(target=beat, name="heart", daemon=True)
thread.start()
"""


def test_a_thread_is_found_with_the_line_that_started_it(examine):
    found = examine(BEAT).only("thread")
    assert "heart" in found["what"]
    assert "daemon" in found["what"]
    assert found["what"].endswith("is carried")
    assert (found["module"], found["line"], found["fatal"]) == ("app", line_of(BEAT, "thread.start()"), False)


def test_a_thread_of_a_pool_belongs_to_who_submitted_work(examine):
    source = """
from concurrent.futures import ThreadPoolExecutor
pool = ThreadPoolExecutor(1)
pool.submit(len, "abc").result()
"""
    found = examine(source).only("thread")
    assert (found["module"], found["line"]) == ("app", line_of(source, "submit"))


def test_a_thread_that_a_module_starts_names_the_users_import(examine):
    found = examine("import heart\n", files={"heart.py": BEAT}).only("thread")
    assert (found["module"], found["line"]) == ("heart", line_of(BEAT, "thread.start()"))
    assert (found["through"]["module"], found["through"]["line"]) == ("app", 1)


def test_a_thread_of_the_low_level_module_is_found(examine):
    source = """
import _thread
import time

def beat():
    time.sleep(60)

_thread.start_new_thread(beat, ())
"""
    found = examine(source).only("thread")
    assert "beat" in found["what"]
    assert found["line"] == line_of(source, "start_new_thread")


def test_threads_that_have_ended_are_not_found(examine):
    source = """
import threading
from concurrent.futures import ThreadPoolExecutor

for number in range(20):
    thread = threading.Thread(target=len, args=("abc",))
    thread.start()
    thread.join()
with ThreadPoolExecutor(4) as pool:
    list(pool.map(len, ["a"] * 20))
"""
    assert examine(source).fatal == []


@pytest.mark.skipif(os.cpu_count() == 1, reason="OpenBLAS starts no thread on one core")
def test_native_threads_are_found_with_their_library(examine):
    found = examine("import numpy\n", OPENBLAS_NUM_THREADS=3).only("thread")
    assert "openblas" in found["library"]
    assert found["count"] == min(2, os.cpu_count() - 1)
    assert found["module"].startswith("numpy.")
    assert (found["through"]["module"], found["through"]["line"]) == ("app", 1)
    assert (found["fatal"], found["call"]) == (False, "futex")


def test_numpy_has_no_threads_where_the_variable_says_so(examine):
    assert examine("import numpy\n", OPENBLAS_NUM_THREADS=1).of_kind("thread") == []


WAITS = (Path(__file__).parents[1] / "threads" / "programs" / "waits.py").read_text("utf-8")
# What a thread does, the call that it is in, and what can be done.
CANNOT = {
    "receiving": ("recvfrom", "close it before the image is taken"),
    "accepting": ("accept4", "listen in the handler only"),
    "connecting": ("connect", "connect in the handler"),
    "polling": ("poll", "close it before the image is taken"),
    "selecting": ("pselect6", "close it before the image is taken"),
    "reading": ("read", "close it at the end of init"),
    "child": ("wait4", "wait for the child process before init ends"),
    "locking": ("flock", "take the lock in the handler"),
    "ring": ("io_uring_enter", "keep the library from using io_uring"),
}


def waiting(examine, name):
    found = examine(f"import waits\n\nwaits.{name}()\n", files={"waits.py": WAITS})
    return found, found.only("thread")


@pytest.mark.parametrize("name", CANNOT)
def test_a_thread_that_cannot_be_carried_is_explained(name, examine):
    call, remedy = CANNOT[name]
    _, obstacle = waiting(examine, name)
    assert obstacle["what"].startswith("the daemon thread 'waiter'")
    assert f" waits in {call}(2)" in obstacle["what"]
    assert remedy in obstacle["remedy"]
    assert (obstacle["fatal"], obstacle["call"], obstacle["module"]) == (True, call, "waits")
    assert obstacle["line"] == line_of(WAITS, "threading.Thread(target=function")
    assert (obstacle["through"]["module"], obstacle["through"]["line"]) == ("app", 3)


def test_what_a_thread_waits_for_is_told(examine):
    found, obstacle = waiting(examine, "receiving")
    connections = [each["what"] for each in found.of_kind("connection")]
    assert any(obstacle["what"].endswith(what) for what in connections)


def test_a_ring_is_explained(examine):
    found, _ = waiting(examine, "ring")
    assert "uvloop" in found.only("io_uring")["remedy"]
