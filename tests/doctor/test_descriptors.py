"""Descriptors: which are made again, and how, and which stand in the way."""

import json

import pytest

pytestmark = pytest.mark.no_wheel


def test_a_file_open_for_reading_is_recorded_with_its_offset(examine):
    source = (
        "import os\nd = os.open(__file__, os.O_RDONLY | os.O_NOFOLLOW)\nos.lseek(d, 7, 0)\nos.set_inheritable(d, True)"
    )
    found = examine(source)
    (record,) = found.records_of("file")
    assert (record["path"], record["offset"], record["cloexec"]) == (str(found.root / "app.py"), 7, False)
    assert found.fatal == []


def test_folders_and_devices_are_recorded(examine):
    source = 'import os\na = os.open("/", os.O_RDONLY | os.O_DIRECTORY)\nb = os.open("/dev/urandom", os.O_RDWR)\n'
    found = examine(source)
    assert [record["path"] for record in found.records_of("file")] == ["/", "/dev/urandom"]
    assert found.fatal == []


def test_a_file_of_this_process_is_recorded_as_the_new_ones(examine):
    (record,) = examine("file = open('/proc/self/stat')\n").records_of("file")
    assert record["path"] == "/proc/self/stat"


def test_a_file_that_is_gone_stands_in_the_way(examine):
    source = "import os\nopen('x', 'w').close()\nfile = open('x')\nos.unlink('x')\n"
    assert "not there any more" in examine(source).only("file")["what"]


def test_a_file_open_for_writing_stands_in_the_way(examine):
    source = "import logging\nlogging.basicConfig(filename='app.log')\n"
    found = examine(source)
    obstacle = found.only("writable-file")
    assert obstacle["path"] == str(found.root / "app.log")
    assert (obstacle["module"], obstacle["line"], obstacle["fatal"]) == ("app", 2, True)


def test_a_locked_file_stands_in_the_way(examine):
    source = "import fcntl\nfile = open(__file__)\nfcntl.flock(file, fcntl.LOCK_SH)\n"
    assert examine(source).only("lock")["fatal"]


def test_a_duplicate_is_told_from_another_opening(examine):
    source = "import os\na = os.open(__file__, os.O_RDONLY)\nb = os.open(__file__, os.O_RDONLY)\nc = os.dup(a)\n"
    records = sorted(examine(source).records.values(), key=lambda record: record["fd"])
    assert [record["kind"] for record in records] == ["file", "file", "duplicate"]
    assert records[2]["of"] == records[0]["fd"]


def test_a_duplicate_of_stdout_is_one(examine):
    (record,) = examine("import os\nd = os.dup(1)\n").records.values()
    assert (record["kind"], record["of"]) == ("duplicate", 1)


def test_a_pipe_is_recorded_with_its_content(examine):
    found = examine("import os\nr, w = os.pipe()\nfor part in b'ab', b'c':\n    os.write(w, part)\n")
    reader, writer = found.records_of("pipe")
    assert (reader["end"], reader["peer"], writer["end"], writer["peer"]) == (
        "read",
        writer["fd"],
        "write",
        reader["fd"],
    )
    assert bytes.fromhex(reader["content"]) == b"abc"
    assert reader["capacity"] == 65536
    assert found.fatal == []


@pytest.mark.parametrize("closed, missing", [("w", "writing"), ("r", "reading")])
def test_half_a_pipe_stands_in_the_way(examine, closed, missing):
    source = f"import os\n\nr, w = os.pipe()\nos.close({closed})\n"
    obstacle = examine(source).only("pipe")
    assert f"its {missing} end" in obstacle["what"]
    assert (obstacle["module"], obstacle["line"]) == ("app", 3)


def test_a_named_pipe_stands_in_the_way(examine):
    source = "import os\nos.mkfifo('x')\nd = os.open('x', os.O_RDWR)\n"
    assert examine(source).only("pipe")["path"].endswith("/x")


def test_a_socket_pair_is_recorded_with_its_content(examine):
    found = examine("import socket\na, b = socket.socketpair()\na.setblocking(False)\nb.send(b'xy')\n")
    first, second = found.records_of("socketpair")
    assert (first["peer"], second["peer"]) == (second["fd"], first["fd"])
    assert (bytes.fromhex(first["content"]), second["content"]) == (b"xy", "")
    assert found.fatal == []


def test_two_socket_pairs_are_not_mixed_up(examine):
    source = "import socket\na, b = socket.socketpair()\nc, d = socket.socketpair()\n"
    found = examine(source + "print([end.fileno() for end in (a, b, c, d)])\n")
    a, b, c, d = json.loads(found.printed)
    assert {fd: record["peer"] for fd, record in found.records.items()} == {a: b, b: a, c: d, d: c}


def test_half_a_socket_pair_stands_in_the_way(examine):
    source = "import os, socket\na, b = socket.socketpair()\nb.close()\n"
    obstacle = examine(source).only("connection")
    assert "another process" in obstacle["what"]
    assert obstacle["line"] == 2


def test_messages_in_a_socket_pair_stand_in_the_way(examine):
    source = "import socket\na, b = socket.socketpair(type=socket.SOCK_DGRAM)\na.send(b'x')\n"
    assert all("messages" in obstacle["what"] for obstacle in examine(source).of_kind("socket"))
    assert examine(source).of_kind("socket")


def test_epoll_is_recorded_with_what_it_watches(examine):
    source = """
import select, socket
a, b = socket.socketpair()
poll = select.epoll()
poll.register(a, select.EPOLLIN | select.EPOLLET)
"""
    (record,) = examine(source).records_of("epoll")
    (target,) = record["targets"]
    assert target["events"] & 0x80000001 == 0x80000001
    assert target["data"] & 0xFFFFFFFF == target["fd"]


def test_epoll_that_watches_a_closed_descriptor_stands_in_the_way(examine):
    source = """
import os, select
r, w = os.pipe()
other = os.dup(r)
poll = select.epoll()
poll.register(r, select.EPOLLIN)
os.close(r)
"""
    assert examine(source).only("epoll")["fatal"]


def test_an_idle_loop_of_asyncio_is_recorded(examine):
    found = examine("import asyncio\nloop = asyncio.new_event_loop()\nloop.run_until_complete(asyncio.sleep(0))\n")
    assert sorted(record["kind"] for record in found.records.values()) == ["epoll", "socketpair", "socketpair"]
    assert found.fatal == []


def test_a_loop_that_was_woken_up_is_recorded_with_its_byte(examine):
    found = examine("import asyncio\nloop = asyncio.new_event_loop()\nloop.call_soon_threadsafe(len, 'a')\n")
    assert sorted(record["content"] for record in found.records_of("socketpair")) == ["", "00"]


# Through ctypes: Python has these since 3.10 (eventfd) and 3.13 (timerfd).
LIBC = "import ctypes\nlibc = ctypes.CDLL(None)\n"


def test_an_eventfd_is_recorded(examine):
    found = examine(LIBC + "d = libc.eventfd(5, 0x800 | 1)\n")
    (record,) = found.records_of("eventfd")
    assert (record["count"], record["flags"] & 0x800, record["cloexec"]) == (5, 0x800, False)


def test_a_timerfd_is_recorded(examine):
    source = (
        LIBC + "d = libc.timerfd_create(1, 0x80000)\n"
        "libc.timerfd_settime(d, 0, (ctypes.c_long * 4)(2, 500, 1000, 0), None)\n"
    )
    (record,) = examine(source).records_of("timerfd")
    assert (record["clockid"], record["interval"], record["cloexec"]) == (1, 2_000_000_500, True)
    assert 990 < record["value"] / 1e9 <= 1000


def test_a_timerfd_that_was_set_to_a_date_is_recorded_with_the_time_left(examine):
    source = (
        LIBC + "import time\nd = libc.timerfd_create(1, 0)\n"
        "libc.timerfd_settime(d, 1, (ctypes.c_long * 4)(0, 0, int(time.monotonic()) + 1000, 0), None)\n"
    )
    (record,) = examine(source).records_of("timerfd")
    assert record["settime_flags"] == 0
    assert 990 < record["value"] / 1e9 <= 1000


def test_a_timerfd_that_has_gone_off_does_so_again(examine):
    source = (
        LIBC + "import time\nd = libc.timerfd_create(1, 0)\n"
        "libc.timerfd_settime(d, 0, (ctypes.c_long * 4)(0, 0, 0, 1000), None)\ntime.sleep(0.05)\n"
    )
    (record,) = examine(source).records_of("timerfd")
    assert (record["value"], record["interval"]) == (1, 0)


def test_a_memfd_is_recorded_with_its_content(examine):
    found = examine("import os\nd = os.memfd_create('notes')\nos.write(d, b'content')\n")
    (record,) = found.records_of("memfd")
    assert (record["name"], bytes.fromhex(record["content"]), record["offset"]) == ("notes", b"content", 7)
    assert found.fatal == []


def test_a_sealed_memfd_stands_in_the_way(examine):
    source = "import fcntl, os\nd = os.memfd_create('x', os.MFD_ALLOW_SEALING)\nfcntl.fcntl(d, 1033, 2)\n"
    assert "sealed" in examine(source).only("memfd")["what"]


def test_a_pipe_with_more_than_a_new_one_holds_stands_in_the_way(examine):
    source = "import fcntl, os\nr, w = os.pipe()\nfcntl.fcntl(w, 1031, 1 << 18)\nos.write(w, bytes(70000))\n"
    assert all("it holds 70000 bytes" in obstacle["what"] for obstacle in examine(source).of_kind("pipe"))
    assert len(examine(source).of_kind("pipe")) == 2


@pytest.mark.parametrize(
    "kind, call",
    [
        ("inotify", "libc.inotify_init1(0)"),
        ("signalfd", "libc.signalfd(-1, ctypes.create_string_buffer(128), 0)"),
        ("pidfd", "libc.syscall(434, __import__('os').getpid(), 0)"),
    ],
)
def test_other_kernel_objects_stand_in_the_way_by_their_kind(examine, kind, call):
    obstacle = examine(LIBC + f"d = {call}\nassert d > 2\n").only(kind)
    assert (obstacle["fatal"], obstacle["module"]) == (True, "app")


def test_what_was_inherited_is_not_the_functions(examine):
    source = "import os\nprint(sorted(os.listdir('/proc/self/fd')))\nkept = os.open('/', os.O_RDONLY)\n"
    found = examine(source, prefix=("sh", "-c", 'exec 9> log; exec "$@"', "sh"))
    assert "'9'" in found.printed
    assert [record["path"] for record in found.records.values()] == ["/"]
    assert found.fatal == []


def test_looking_changes_nothing(watched):
    result = watched("""
from glowplug_image import watch
watch.begin()
import fcntl, json, os, select, socket
r, w = os.pipe()
os.write(w, b"kept")
a, b = socket.socketpair()
a.send(b"kept")
d = os.dup(r)
poll = select.epoll()
poll.register(b, select.EPOLLIN | select.EPOLLET)
poll.poll(0)
before = [fcntl.fcntl(n, fcntl.F_GETFL) for n in (r, w, d, a.fileno(), b.fileno(), poll.fileno())]
open_before = sorted(os.listdir("/proc/self/fd"))
from glowplug_image import descriptors
records, obstacles = descriptors.found()
after = [fcntl.fcntl(n, fcntl.F_GETFL) for n in (r, w, d, a.fileno(), b.fileno(), poll.fileno())]
same = before == after and open_before == sorted(os.listdir("/proc/self/fd"))
print(json.dumps([len(records), len(obstacles), same, poll.poll(0), os.read(d, 9).decode(), b.recv(9).decode()]))
""")
    assert result == [6, 0, True, [], "kept", "kept"]


def test_where_the_kernel_does_not_tell_peers_they_are_found_by_trial(watched):
    result = watched("""
from glowplug_image import unix_sockets, descriptors, watch
watch.begin()
import json, socket
def denied(*arguments):
    raise PermissionError
unix_sockets.peer_by_kernel = denied
pairs = [socket.socketpair() for _ in range(3)]
half, other = socket.socketpair()
other.close()
for pair in pairs:
    for end in pair:
        end.setblocking(False)
records, obstacles = descriptors.found()
expected = {end.fileno(): peer.fileno() for a, b in pairs for end, peer in ((a, b), (b, a))}
empty = []
for end in (end for pair in pairs for end in pair):
    try:
        end.recv(1)
    except BlockingIOError:
        empty.append(True)
print(json.dumps([{r["fd"]: r["peer"] for r in records} == expected, [o.kind for o in obstacles], len(empty)]))
""")
    assert result == [True, ["connection"], 6]
