"""Locks that are held and waited for across the snapshot point: the C library's and Python's.

Of each lock one thread holds it and waits to be told to go on, others wait for it. What is said is what they were
answered.
"""

import ctypes
import errno
import json
import os
import threading
import time

import glowplug

libc = ctypes.CDLL(None)
NORMAL, RECURSIVE, ERROR_CHECKING = range(3)
GO_ON = threading.Event()
ANSWERS, THREADS = {}, []
# Long enough for any lock of the C library.
SIZE = 64


def thread(function, *arguments):
    """Starts a thread and gives it the time to begin to wait."""
    THREADS.append(threading.Thread(target=function, args=arguments))
    THREADS[-1].start()
    time.sleep(0.02)


def answered(name, *answers):
    # EDEADLK has two names.
    names = {**errno.errorcode, errno.EDEADLK: "EDEADLK"}
    ANSWERS[name] = [names.get(answer, answer) if answer else 0 for answer in answers]


def mutex(kind):
    made, attributes = ctypes.create_string_buffer(SIZE), ctypes.create_string_buffer(SIZE)
    libc.pthread_mutexattr_init(attributes)
    libc.pthread_mutexattr_settype(attributes, kind)
    libc.pthread_mutex_init(made, attributes)
    return made


def hold_mutex(name, lock, times):
    answers = [libc.pthread_mutex_lock(lock) for _ in range(times)]
    GO_ON.wait()
    # Held by its owner's number: who is that now?
    answers.append(libc.pthread_mutex_trylock(lock))
    if answers[-1] == 0:
        answers.append(libc.pthread_mutex_unlock(lock))
    answers += [libc.pthread_mutex_unlock(lock) for _ in range(times)]
    answered(f"{name}, holder", *answers)


def want_mutex(name, lock):
    answered(f"{name}, waiter", libc.pthread_mutex_lock(lock), libc.pthread_mutex_unlock(lock))


def mutexes():
    for name, kind, times in (
        ("normal", NORMAL, 1),
        ("recursive", RECURSIVE, 2),
        ("error-checking", ERROR_CHECKING, 1),
    ):
        lock = mutex(kind)
        thread(hold_mutex, name, lock, times)
        thread(want_mutex, name, lock)


def hold_writing(lock):
    answers = [libc.pthread_rwlock_wrlock(lock)]
    GO_ON.wait()
    answers += [libc.pthread_rwlock_rdlock(lock), libc.pthread_rwlock_wrlock(lock), libc.pthread_rwlock_unlock(lock)]
    answered("writing, holder", *answers)


def want_reading(lock):
    answered("writing, waiter", libc.pthread_rwlock_rdlock(lock), libc.pthread_rwlock_unlock(lock))


def hold_reading(lock):
    answers = [libc.pthread_rwlock_rdlock(lock)]
    GO_ON.wait()
    answered("reading, holder", *answers, libc.pthread_rwlock_unlock(lock))


def want_writing(lock):
    answered("reading, waiter", libc.pthread_rwlock_wrlock(lock), libc.pthread_rwlock_unlock(lock))


def read_write_locks():
    for hold, want in ((hold_writing, want_reading), (hold_reading, want_writing)):
        lock = ctypes.create_string_buffer(SIZE)
        libc.pthread_rwlock_init(lock, None)
        thread(hold, lock)
        thread(want, lock)


def wait_for_condition(condition, lock):
    answers = [libc.pthread_mutex_lock(lock), libc.pthread_cond_wait(condition, lock)]
    answered("condition variable", *answers, libc.pthread_mutex_unlock(lock))


def wait_for_semaphore(semaphore):
    answered("semaphore", libc.sem_wait(semaphore))


def signals():
    condition, lock = ctypes.create_string_buffer(SIZE), mutex(ERROR_CHECKING)
    libc.pthread_cond_init(condition, None)
    thread(wait_for_condition, condition, lock)
    semaphore = ctypes.create_string_buffer(SIZE)
    libc.sem_init(semaphore, 0, 0)
    thread(wait_for_semaphore, semaphore)

    def give():
        libc.pthread_mutex_lock(lock)
        libc.pthread_cond_signal(condition)
        libc.pthread_mutex_unlock(lock)
        libc.sem_post(semaphore)

    return give


def hold_python(name, lock, times):
    for _ in range(times):
        lock.acquire()
    GO_ON.wait()
    free = lock.acquire(blocking=False)
    for _ in range(times + free):
        lock.release()
    answered(f"{name}, holder", free)


def want_python(name, lock):
    answered(f"{name}, waiter", lock.acquire(timeout=60))
    lock.release()


def python_locks():
    for name, lock, times in (("Lock", threading.Lock(), 1), ("RLock", threading.RLock(), 3)):
        thread(hold_python, name, lock, times)
        for number in range(2):
            thread(want_python, f"{name} {number}", lock)
    condition = threading.Condition()

    def wait_notified():
        with condition:
            answered("Condition", condition.wait(60))

    barrier = threading.Barrier(3, timeout=60)

    def wait_others(number):
        barrier.wait()
        answered(f"Barrier {number}", barrier.broken)

    slots = threading.BoundedSemaphore(1)
    slots.acquire()

    def wait_slot():
        answered("BoundedSemaphore", slots.acquire(timeout=60))

    thread(wait_notified)
    for number in range(2):
        thread(wait_others, number)
    thread(wait_slot)

    def give():
        with condition:
            condition.notify()
        barrier.wait()
        slots.release()

    return give


# The main thread holds some too.
OWN = mutex(RECURSIVE), mutex(ERROR_CHECKING)
for own in OWN:
    libc.pthread_mutex_lock(own)
mutexes()
read_write_locks()
gives = signals(), python_locks()
glowplug.snapshot_point()
answered("main", libc.pthread_mutex_trylock(OWN[0]), libc.pthread_mutex_unlock(OWN[0]),
         *(libc.pthread_mutex_unlock(own) for own in OWN), libc.pthread_mutex_unlock(OWN[1]))  # fmt: skip
GO_ON.set()
for give in gives:
    give()
for each in THREADS:
    each.join(30)
stuck = sorted(each.name for each in THREADS if each.is_alive())
print(json.dumps({"rung": glowplug.status()["rung"], "stuck": stuck, "answers": ANSWERS}, sort_keys=True), flush=True)
os._exit(len(stuck))
