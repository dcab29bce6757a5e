"""Threads that wait until a time, or for a while, at the snapshot point.

What is said behind it: which of them waited too long or not long enough, and what they were answered.
"""

import ctypes
import json
import os
import queue
import select
import threading
import time

import glowplug

# More than a busy machine takes from here to the image.
SECONDS = 3.0
BEGUN, WAITED, THREADS = threading.Event(), {}, []
libc = ctypes.CDLL(None, use_errno=True)


class Timespec(ctypes.Structure):
    _fields_ = (("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long))


def sleeping():
    time.sleep(SECONDS)


def by_event():
    return threading.Event().wait(SECONDS)


def by_lock():
    lock = threading.Lock()
    lock.acquire()
    return lock.acquire(timeout=SECONDS)


def by_condition():
    condition = threading.Condition()
    with condition:
        return condition.wait_for(lambda: False, SECONDS)


def by_queue():
    try:
        return queue.Queue().get(timeout=SECONDS)
    except queue.Empty:
        return "empty"


def by_simple_queue():
    try:
        return queue.SimpleQueue().get(timeout=SECONDS)
    except queue.Empty:
        return "empty"


def by_poll():
    return select.poll().poll(SECONDS * 1000)


def by_epoll():
    return select.epoll().poll(SECONDS)


def by_select():
    return select.select([], [], [], SECONDS)


def by_wall_clock():
    """A semaphore of the C library, until a time of day (sem_timedwait(3))."""
    semaphore, until = ctypes.create_string_buffer(64), Timespec()
    libc.sem_init(semaphore, 0, 0)
    libc.clock_gettime(time.CLOCK_REALTIME, ctypes.byref(until))
    until.seconds += int(SECONDS)
    return libc.sem_timedwait(semaphore, ctypes.byref(until)), ctypes.get_errno()


def by_nanosleep():
    return libc.nanosleep(ctypes.byref(Timespec(int(SECONDS), 0)), None)


def run(function):
    answer = function()
    # How long behind the snapshot point; before it, when it was too late.
    WAITED[function.__name__] = (time.perf_counter() - BEGUN.at if BEGUN.is_set() else -1, answer)


for waits in (sleeping, by_event, by_lock, by_condition, by_queue, by_simple_queue, by_poll, by_epoll, by_select,
              by_wall_clock, by_nanosleep):  # fmt: skip
    THREADS.append(threading.Thread(target=run, args=(waits,)))
    THREADS[-1].start()
time.sleep(0.1)
glowplug.snapshot_point()
BEGUN.at = time.perf_counter()
BEGUN.set()
for thread in THREADS:
    thread.join(15)
late = sorted(name for name, (seconds, _) in WAITED.items() if seconds > SECONDS + 2)
early = sorted(name for name, (seconds, _) in WAITED.items() if seconds < 0.2)
answers = {name: answer for name, (_, answer) in WAITED.items()}
told = {"rung": glowplug.status()["rung"], "late": late, "early": early, "answers": answers, "count": len(WAITED)}
print(json.dumps(told, sort_keys=True), flush=True)
os._exit(0)
