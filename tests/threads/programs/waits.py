"""Threads that wait for what cannot be carried; a program calls one of these and goes to its snapshot point."""

import ctypes
import hashlib
import os
import socket
import subprocess
import tempfile
import threading
import time
from pathlib import Path

HELD = []


def waiter(function, *arguments):
    """Starts a thread and gives it the time to begin to wait."""
    threading.Thread(target=function, args=arguments, name="waiter", daemon=True).start()
    time.sleep(0.1)


def connected():
    listener = socket.create_server(("127.0.0.1", 0))
    near = socket.create_connection(listener.getsockname())
    far, _ = listener.accept()
    HELD.extend((listener, near, far))
    return near, listener


def receiving():
    waiter(connected()[0].recv, 1)


def accepting():
    waiter(connected()[1].accept)


def connecting():
    """A Unix socket's queue is full at once."""
    listener = socket.socket(socket.AF_UNIX)
    address = f"\0glowplug-{os.getpid()}"
    listener.bind(address)
    listener.listen(0)
    ends = [socket.socket(socket.AF_UNIX) for _ in range(2)]
    HELD.extend((listener, *ends))
    ends[0].connect(address)
    waiter(ends[1].connect, address)


def polling():
    import select

    poll = select.poll()
    poll.register(connected()[0], select.POLLIN)
    waiter(poll.poll)


def selecting():
    import select

    waiter(select.select, [connected()[0]], [], [])


def reading():
    """A named pipe has its other end wherever somebody opens it."""
    path = Path(tempfile.mkdtemp(), "named")
    os.mkfifo(path)
    waiter(os.read, os.open(path, os.O_RDWR), 1)


def child():
    """It does not keep the pipes open that the test reads to their end."""
    HELD.append(subprocess.Popen(["sleep", "60"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
    waiter(HELD[-1].wait)


def locking():
    import fcntl

    path = Path(tempfile.mkdtemp(), "locked")
    path.touch()
    HELD.extend((path.open(), path.open()))
    fcntl.flock(HELD[-2], fcntl.LOCK_EX)
    waiter(fcntl.flock, HELD[-1], fcntl.LOCK_EX)


def locking_a_record():
    """The other way to lock a file, with another owner: an open file description (fcntl(2), F_OFD_SETLK)."""
    import fcntl
    import struct

    path = Path(tempfile.mkdtemp(), "locked")
    path.touch()
    HELD.append(path.open("r+"))
    fcntl.fcntl(HELD[-1], 37, struct.pack("hhqqi4x", fcntl.F_WRLCK, 0, 0, 0, 0))
    HELD.append(path.open("r+"))
    waiter(fcntl.lockf, HELD[-1], fcntl.LOCK_EX)


def ring():
    """A wait for what was never asked for (io_uring_setup(2), io_uring_enter(2), IORING_ENTER_GETEVENTS)."""
    call = ctypes.CDLL(None, use_errno=True).syscall
    descriptor = call(425, 1, ctypes.create_string_buffer(120))
    if descriptor < 0:
        raise OSError(ctypes.get_errno(), "io_uring_setup")
    waiter(call, 426, descriptor, 0, 1, 1, None, 0)


def calculating():
    waiter(hashlib.pbkdf2_hmac, "sha256", b"secret", b"salt", 1 << 30)


def mutex(kind, value):
    """A mutex with an attribute (pthread_mutexattr_setrobust(3), ..._setprotocol(3))."""
    libc = ctypes.CDLL(None)
    attributes, made = ctypes.create_string_buffer(64), ctypes.create_string_buffer(64)
    HELD.append(made)
    assert libc.pthread_mutexattr_init(attributes) == 0
    assert getattr(libc, kind)(attributes, value) == 0
    assert libc.pthread_mutex_init(made, attributes) == 0
    return made


def lock(held):
    assert ctypes.CDLL(None).pthread_mutex_lock(held) == 0


def hold(held):
    lock(held)
    time.sleep(60)


def robust():
    waiter(hold, mutex("pthread_mutexattr_setrobust", 1))


def robust_of_main():
    lock(mutex("pthread_mutexattr_setrobust", 1))


def inheriting():
    waiter(hold, mutex("pthread_mutexattr_setprotocol", 1))


def wanting():
    """A thread waits for a priority-inheriting mutex of the main one."""
    held = mutex("pthread_mutexattr_setprotocol", 1)
    lock(held)
    waiter(lock, held)


def call(*numbers):
    """A system call (<asm/unistd.h>) by syscall(2)."""
    return ctypes.CDLL(None).syscall(*(ctypes.c_long(number) for number in numbers))


def by_boot_time():
    """clock_nanosleep(2) until a time of CLOCK_BOOTTIME."""
    until = (ctypes.c_long * 2)(1 << 30, 0)
    HELD.append(until)
    waiter(call, 115 if os.uname().machine == "aarch64" else 230, 7, 1, ctypes.addressof(until), 0)


def deaf():
    """A thread that blocks all signals, the C library's too: rt_sigprocmask(2), SIG_SETMASK."""

    def block():
        everything = ctypes.c_ulong(-1)
        call(135 if os.uname().machine == "aarch64" else 14, 2, ctypes.addressof(everything), 0, 8)
        time.sleep(60)

    waiter(block)


def based():
    """A thread with a base of gs: arch_prctl(2), ARCH_SET_GS."""

    def sleep():
        assert call(158, 0x1001, id(HELD)) == 0
        time.sleep(60)

    waiter(sleep)


def foreign():
    """A thread without what the C library has of each: set_tid_address(2)."""

    def forget():
        call(96 if os.uname().machine == "aarch64" else 218, 0)
        time.sleep(60)

    waiter(forget)


def timer():
    """A POSIX timer (timer_create(2))."""
    assert ctypes.CDLL(None).timer_create(1, None, ctypes.byref(ctypes.c_void_p())) == 0


def other_thread():
    """The snapshot point is reached by another thread than the main one."""
    import glowplug

    thread = threading.Thread(target=glowplug.snapshot_point, name="waiter")
    thread.start()
    thread.join()
