"""Open files of the process's own, some of them waited for by threads; says after its snapshot point how they are."""

import ctypes
import fcntl
import json
import os
import select
import socket
import threading
from pathlib import Path

import glowplug

LIBC = ctypes.CDLL(None)
found = {}


def waits(name, function):
    """Waits in a thread for what comes behind the snapshot point."""

    def run():
        found[name] = function()

    thread = threading.Thread(target=run, name=name, daemon=True)
    thread.start()
    return thread


def descriptors():
    """The numbers of the open ones. One more is open while the folder is read."""
    return {int(path.name) for path in Path("/proc/self/fd").iterdir() if path.is_symlink()}


def share(one, other):
    """Whether two descriptors are of one opening: a flag set on one is seen on the other."""
    flags = fcntl.fcntl(one, fcntl.F_GETFL)
    fcntl.fcntl(one, fcntl.F_SETFL, flags ^ os.O_NONBLOCK)
    seen = fcntl.fcntl(other, fcntl.F_GETFL) != flags
    fcntl.fcntl(one, fcntl.F_SETFL, flags)
    return seen


# A pipe with bytes in it, in several writes, and a duplicate of its end: what libuv keeps for a lock.
reader, writer = os.pipe()
for part in b"a", b"bc", b"d":
    os.write(writer, part)
second_reader = os.dup(reader)

# An epoll instance and its duplicate, as tokio has them: a thread waits at the duplicate.
woken, waker = os.pipe()
poll = select.epoll()
poll.register(woken, select.EPOLLIN | select.EPOLLET)
copy = fcntl.fcntl(poll.fileno(), fcntl.F_DUPFD_CLOEXEC, 60)
other_poll = select.epoll()

end, start = os.pipe()

# Socket pairs: one with bytes, one that a thread reads.
left, right = socket.socketpair()
left.send(b"before")
near, far = socket.socketpair()

# Counters; the second is waited for.
counter = os.eventfd(3, os.EFD_NONBLOCK)
semaphore, other_semaphore = os.eventfd(0), os.eventfd(0)

# A timer with an hour to go, one that repeats, and one that has gone off.
timers = [LIBC.timerfd_create(1, os.O_CLOEXEC | os.O_NONBLOCK) for _ in range(3)]
for timer, times in zip(timers, ((0, 0, 3600, 0), (0, 10_000_000, 0, 1), (0, 0, 0, 1)), strict=True):
    LIBC.timerfd_settime(timer, 0, (ctypes.c_long * 4)(*times), None)

threads = [
    waits("epoll", lambda: [number for number, _ in select.epoll.fromfd(copy).poll()] == [woken]),
    waits("socket", lambda: near.recv(9).decode()),
    waits("pipe", lambda: os.read(end, 9).decode()),
    waits("eventfd", lambda: os.eventfd_read(semaphore)),
    waits("select", lambda: select.select([timers[0], other_semaphore], [], [], 3600)[0] == [other_semaphore]),
]
numbers = descriptors()
glowplug.snapshot_point()
found["missing"] = sorted(numbers - descriptors())
found["shared"] = [share(reader, second_reader), share(poll.fileno(), copy), share(poll.fileno(), other_poll.fileno())]
found["kept"] = os.read(second_reader, 9).decode()
found["received"] = right.recv(9).decode()
found["counted"] = os.eventfd_read(counter)
found["on_exec"] = [os.get_inheritable(number) for number in (reader, copy, timers[0])]
found["timers"] = [len(select.select([timer], [], [], 0)[0]) for timer in timers]
os.write(waker, b"wake")
os.write(start, b"go")
far.send(b"hello")
for each in semaphore, other_semaphore:
    os.eventfd_write(each, 2)
for thread in threads:
    thread.join(30)
print(json.dumps({"rung": glowplug.status()["rung"], **found}, sort_keys=True))
