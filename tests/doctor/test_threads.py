"""Threads: each is found, with its name, its library and who started it."""

import os

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
    assert (found["module"], found["line"], found["fatal"]) == ("app", line_of(BEAT, "thread.start()"), True)


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
def test_native_threads_are_found_with_their_library_and_how_to_do_without(examine):
    found = examine("import numpy\n", OPENBLAS_NUM_THREADS=3).only("thread")
    assert "openblas" in found["library"]
    assert found["count"] == min(2, os.cpu_count() - 1)
    assert found["module"].startswith("numpy.")
    assert (found["through"]["module"], found["through"]["line"]) == ("app", 1)
    assert "OPENBLAS_NUM_THREADS=1" in found["remedy"]


def test_without_its_threads_numpy_can_be_imaged(examine):
    assert examine("import numpy\n", OPENBLAS_NUM_THREADS=1).fatal == []
