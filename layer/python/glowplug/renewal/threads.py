"""`threading`: the native ids of the threads that go on after a restore, and the time that they wait.

A thread that waits for at most some seconds keeps the time of the monotonic clock at which that ends, some in Python's
own variables. That clock starts anew with each boot.
"""

import sys
import time

ENTROPY = 0
# Modules that keep such times, and the name that the clock has there.
CLOCKS = (("threading", "_time"), ("queue", "time"))


def prepare():
    threading = sys.modules.get("threading")
    if threading is None:
        return None
    set_native_id = threading.current_thread()._set_native_id
    taken = time.monotonic()

    def renew(_environment, _entropy):
        set_native_id()
        lag = taken - time.monotonic()
        if lag > 0:
            put_back(lag)

    return renew


def put_back(lag):
    """Has the clock of these modules go on where it was: the machine's is behind it by so many seconds."""
    for name, attribute in CLOCKS:
        module = sys.modules.get(name)
        if module is not None:
            clock = getattr(module, attribute)
            setattr(module, attribute, lambda clock=clock: clock() + lag)


def renumber(pairs):
    """Gives threads their new native ids: `pairs` of old and new ones."""
    threading = sys.modules.get("threading")
    if threading is None or not pairs:
        return
    numbers = dict(pairs)
    for thread in threading.enumerate():
        number = numbers.get(thread._native_id)
        if number is not None:
            thread._native_id = number
