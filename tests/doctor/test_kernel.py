"""Shared memory, child processes and timers."""

import pytest
from examined import line_of

pytestmark = pytest.mark.no_wheel


def test_shared_memory_stands_in_the_way(examine):
    source = "import mmap\n\nshared = mmap.mmap(-1, 5000)\nprivate = mmap.mmap(-1, 5000, flags=mmap.MAP_PRIVATE)\n"
    found = examine(source).only("shared-mapping")
    assert "anonymous memory" in found["what"]
    assert (found["module"], found["line"], found["fatal"]) == ("app", 3, True)


def test_a_file_mapped_for_writing_stands_in_the_way_and_one_for_reading_does_not(examine):
    source = """
import mmap
with open("data", "w+b") as file:
    file.write(bytes(5000))
    file.flush()
    written = mmap.mmap(file.fileno(), 0)
    read = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
for each in written, read:
    pass
"""
    found = examine(source).only("shared-mapping")
    assert found["path"].endswith("/data")
    assert found["line"] == line_of(source, "written = ")


def test_a_lock_of_multiprocessing_stands_in_the_way(examine):
    source = "import multiprocessing\n\nLOCK = multiprocessing.get_context('fork').Lock()\n"
    found = examine(source).only("shared-mapping")
    assert "semaphore" in found["what"]
    assert (found["module"], found["line"]) == ("app", 3)


def test_a_child_process_stands_in_the_way(examine):
    source = """
import subprocess
child = subprocess.Popen(["sleep", "5"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
other = subprocess.Popen(["cat", "/dev/null"])
other.wait()
"""
    found = examine(source).only("child-process")
    assert "sleep" in found["what"]
    assert (found["module"], found["line"], found["fatal"]) == ("app", line_of(source, "sleep"), True)


def test_a_forked_child_stands_in_the_way(examine):
    # It does not keep the pipes open that the test reads to their end.
    source = (
        "import os, time\npid = os.fork()\nif pid == 0:\n    os.closerange(0, 3)\n    time.sleep(5)\n    os._exit(0)\n"
    )
    found = examine(source).only("child-process")
    assert (found["line"], found["fatal"]) == (2, True)


def test_a_child_that_nobody_waited_for_is_worth_knowing(examine):
    source = "import os, time\npid = os.fork()\nif pid == 0:\n    os._exit(0)\ntime.sleep(0.2)\n"
    found = examine(source).only("child-process")
    assert "was not waited for" in found["what"]
    assert found["fatal"] is False


@pytest.mark.parametrize("call", ["signal.setitimer(signal.ITIMER_REAL, 100)", "signal.alarm(100)"])
def test_an_interval_timer_stands_in_the_way(examine, call):
    found = examine(f"import signal\n\n{call}\n").only("timer")
    assert "ITIMER_REAL" in found["what"]
    assert (found["module"], found["line"]) == ("app", 3)


def test_a_posix_timer_stands_in_the_way(examine):
    source = """
import ctypes
identity = ctypes.c_void_p()
assert ctypes.CDLL(None).timer_create(1, None, ctypes.byref(identity)) == 0
"""
    assert "POSIX timer" in examine(source).only("timer")["what"]
