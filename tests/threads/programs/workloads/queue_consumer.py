"""A thread that waits for work in a queue."""

import queue
import threading

ORDERS, RESULTS = queue.Queue(), queue.Queue()


def consume():
    while True:
        RESULTS.put(ORDERS.get() ** 2)
        ORDERS.task_done()


threading.Thread(target=consume, name="consumer", daemon=True).start()


def work():
    for number in range(100):
        ORDERS.put(number)
    ORDERS.join()
    return sum(RESULTS.get(timeout=30) for _ in range(100))
