"""A pool of threads, idle at the snapshot point."""

import concurrent.futures
import threading

POOL = concurrent.futures.ThreadPoolExecutor(4, thread_name_prefix="worker")
BARRIER = threading.Barrier(4)


def together(number):
    """All four workers at once."""
    BARRIER.wait(30)
    return number * number


def work():
    return sum(POOL.map(together, range(400)))
