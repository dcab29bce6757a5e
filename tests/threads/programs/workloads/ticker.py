"""A thread that wakes up by the clock."""

import threading
import time

STOP, TICKS = threading.Event(), []


def tick():
    while not STOP.wait(0.01):
        TICKS.append(None)


threading.Thread(target=tick, name="ticker", daemon=True).start()


def work():
    seen, until = len(TICKS), time.monotonic() + 30
    while len(TICKS) < seen + 5 and time.monotonic() < until:
        time.sleep(0.005)
    return len(TICKS) >= seen + 5
