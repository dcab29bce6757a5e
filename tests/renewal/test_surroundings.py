"""What is read from the surroundings is the new process's: environment, time zone, ids, the clock's zero."""

import restores

PREPARE = "import json, os, sys\nfrom glowplug import renewal\n"


def test_os_environ_is_the_new_environment_in_the_same_object():
    said = restores.program(
        PREPARE
        + """
import posix
held, bytewise = os.environ, os.environb
os.environ["OLD"] = "1"
renewal.prepare()
renewal.renew({b"NEW": b"2", b"NOT-UTF-8": b"\\xff"})
os.environ["SET"] = "3"
print(json.dumps({
    "environ": dict(held) == {"NEW": "2", "NOT-UTF-8": "\\udcff", "SET": "3"},
    "same": held is os.environ,
    "environb": bytewise[b"NOT-UTF-8"] == b"\\xff",
    "posix": posix.environ == {b"NEW": b"2", b"NOT-UTF-8": b"\\xff", b"SET": b"3"},
}))
"""
    )
    assert said == {"environ": True, "same": True, "environb": True, "posix": True}


def test_an_environment_that_the_program_put_in_place_is_renewed_too():
    assert restores.program(
        PREPARE
        + """
own = os._Environ({b"OLD": b"1"}, os.environ.encodekey, os.environ.decodekey, os.environ.encodevalue,
                  os.environ.decodevalue)
os.environ = own
renewal.prepare()
renewal.renew({b"NEW": b"2"})
print(json.dumps(dict(own)))
"""
    ) == {"NEW": "2"}


@restores.needs_namespaces
def test_local_time_is_that_of_the_new_time_zone():
    before = "import time, os; os.environ['TZ'] = 'UTC'; time.tzset(); assert time.localtime(0).tm_hour == 0"
    draw = "result = [time.tzname, time.timezone, time.localtime(0).tm_hour, os.environ.get('TZ')]"
    said = restores.twins(before, draw, environments=({"TZ": "XXX-5"}, {"TZ": "YYY3"}))
    assert said == [[["XXX", "XXX"], -5 * 3600, 5, "XXX-5"], [["YYY", "YYY"], 3 * 3600, 21, "YYY3"]]


@restores.needs_namespaces
def test_an_unchanged_time_zone_stays():
    before = "import time, os; os.environ['TZ'] = 'XXX-5'; time.tzset()"
    said = restores.twins(
        before, "result = [time.tzname[0], time.localtime(0).tm_hour]", environments=[{"TZ": "XXX-5"}]
    )
    assert said == [["XXX", 5]]


@restores.needs_namespaces
def test_a_time_zone_that_is_gone_gives_way_to_the_machine_s():
    before = "import time, os; os.environ['TZ'] = 'XXX-5'; time.tzset()"
    assert restores.twins(before, "result = time.tzname[0]", environments=[{}]) != ["XXX"]


@restores.needs_namespaces
def test_a_child_process_gets_the_new_environment():
    draw = (
        "pid = os.fork()\n"
        "if pid == 0:\n"
        "    os.execv('/bin/sh', ['sh', '-c', 'test \"$NEW\" = 2 && test -z \"$OLD\"'])\n"
        "result = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])"
    )
    said = restores.twins("import os; os.environ['OLD'] = '1'", draw, environments=({"NEW": "2"},))
    assert said == [0]


FORKED = (
    PREPARE
    + """
import ctypes
def copied():
    # The bare system call: nothing that is registered for forks runs.
    import platform
    number = {"x86_64": 56, "aarch64": 220}[platform.machine()]
    sys.stdout.flush()
    return ctypes.PyDLL(None).syscall(number, 17, None, None, None, None)
"""
)


def test_the_native_thread_id_is_the_new_process_s():
    assert restores.program(
        FORKED
        + """
import threading
old = threading.main_thread().native_id
renewal.prepare()
child = copied()
if child == 0:
    stale = threading.main_thread().native_id == old != os.getpid()
    renewal.renew({})
    print(json.dumps([stale, threading.main_thread().native_id == os.getpid()]))
    sys.stdout.flush()
    os._exit(0)
os.waitpid(child, 0)
"""
    ) == [True, True]


def test_multiprocessing_s_objects_belong_to_the_new_process():
    assert restores.program(
        FORKED
        + """
import multiprocessing, multiprocessing.util, multiprocessing.heap
done = []
process = multiprocessing.Process(target=print)
finalize = multiprocessing.util.Finalize(None, done.append, ("done",), exitpriority=1)
queue = multiprocessing.Queue()
wrapper = multiprocessing.heap.BufferWrapper(8)
renewal.prepare()
child = copied()
if child == 0:
    renewal.renew({})
    finalize()
    heap = multiprocessing.heap.BufferWrapper._heap
    print(json.dumps([
        done, process.is_alive(), queue._opid == os.getpid(), heap._lastpid == os.getpid(),
        multiprocessing.current_process().pid == os.getpid(),
    ]))
    sys.stdout.flush()
    os._exit(0)
os.waitpid(child, 0)
"""
    ) == [["done"], False, True, True, True]


TRACKED = (
    PREPARE
    + """
import multiprocessing
from multiprocessing import resource_tracker
lock = multiprocessing.get_context("spawn").Lock()
tracker = resource_tracker._resource_tracker._pid
"""
)


def test_an_idle_resource_tracker_is_ended_and_the_next_lock_has_another():
    assert restores.program(
        TRACKED
        + """
del lock
renewal.prepare()
try:
    os.kill(tracker, 0)
    ended = False
except ProcessLookupError:
    ended = True
lock = multiprocessing.get_context("spawn").Lock()
print(json.dumps([ended, resource_tracker._resource_tracker._pid != tracker, lock.acquire()]))
"""
    ) == [True, True, True]


def test_a_resource_tracker_that_has_something_to_do_stays():
    assert restores.program(
        TRACKED
        + """
renewal.prepare()
os.kill(tracker, 0)
print(json.dumps(resource_tracker._resource_tracker._pid == tracker))
"""
    )


def test_a_program_s_own_authentication_key_stays():
    assert (
        restores.program(
            PREPARE
            + """
import multiprocessing
multiprocessing.current_process().authkey = b"agreed on with another machine"
renewal.prepare()
renewal.renew({})
print(json.dumps(bytes(multiprocessing.current_process().authkey).decode()))
"""
        )
        == "agreed on with another machine"
    )


def test_platform_asks_the_machine_again():
    assert restores.program(
        PREPARE
        + """
import platform
platform.uname()
platform.platform()
platform._uname_cache = platform.uname()._replace(node="builder")
before = platform.node()
renewal.prepare()
renewal.renew({})
print(json.dumps([before, platform.node() == os.uname().nodename]))
"""
    ) == ["builder", True]


def test_log_records_count_from_the_restore():
    relative, message = restores.program(
        PREPARE
        + """
import io, logging
stream = io.StringIO()
logging.basicConfig(stream=stream, format="%(message)s %(process)d")
logging._startTime -= 1000 * (10**9 if isinstance(logging._startTime, int) else 1)
renewal.prepare()
renewal.renew({})
record = logging.makeLogRecord({})
logging.warning("after")
print(json.dumps([record.relativeCreated, stream.getvalue() == f"after {os.getpid()}\\n"]))
"""
    )
    assert -1 <= relative < 10_000
    assert message is True


def test_a_log_handler_whose_stream_is_closed_is_passed_over():
    assert restores.program(
        PREPARE
        + """
import io, logging
stream = io.StringIO()
logging.getLogger().addHandler(logging.StreamHandler(stream))
stream.close()
renewal.prepare()
renewal.renew({})
print(json.dumps(logging._startTime > 0))
"""
    )


def test_what_is_buffered_is_written_before_the_image():
    assert restores.program(
        PREPARE
        + """
import logging.handlers
read, write = os.pipe()
sys.stdout, own = open(write, "w"), sys.stdout
print("printed")
class Target(logging.Handler):
    lines = []
    def emit(self, record):
        self.lines.append(record.getMessage())
memory = logging.handlers.MemoryHandler(100, target=Target())
logging.getLogger().addHandler(memory)
logging.warning("logged")
renewal.prepare()
sys.stdout = own
print(json.dumps([os.read(read, 100).decode(), Target.lines]))
"""
    ) == ["printed\n", ["logged"]]
