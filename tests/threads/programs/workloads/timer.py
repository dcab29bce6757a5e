"""Timers: one that goes off behind the snapshot point, with the time that it had left, and one for each work."""

import threading

PENDING, WAITS = threading.Event(), []


def work():
    short = threading.Event()
    threading.Timer(0.02, short.set).start()
    assert short.wait(30)
    if not WAITS:
        WAITS.append(threading.Timer(3, PENDING.set))
        WAITS[0].start()
        return True
    return PENDING.wait(30)
