"""Threads that wait for work, one with a processor of its own.

What is said behind the snapshot point: what they did, and who they are.
"""

import json
import os
import queue
import threading
import time
from pathlib import Path

import glowplug

WORKERS = 8
inbox, outbox = queue.SimpleQueue(), queue.SimpleQueue()


def work(number):
    if number == 0:
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    while (item := inbox.get()) is not None:
        time.sleep(0.001)
        outbox.put(item * 2)


threads = [threading.Thread(target=work, args=(number,), daemon=True) for number in range(WORKERS)]
for thread in threads:
    thread.start()
time.sleep(0.05)
glowplug.snapshot_point()
for item in range(100):
    inbox.put(item)
done = sorted(outbox.get(timeout=30) for _ in range(100))
tasks = {int(path.name) for path in Path("/proc/self/task").iterdir()}
there = all(thread.native_id in tasks for thread in threads) and threading.get_native_id() == os.getpid()
bound = os.sched_getaffinity(threads[0].native_id) == {min(os.sched_getaffinity(threads[0].native_id))}
for _ in threads:
    inbox.put(None)
for thread in threads:
    thread.join(30)
left = sum(thread.is_alive() for thread in threads)
told = {"rung": glowplug.status()["rung"], "sum": sum(done), "there": there, "bound": bound, "left": left}
print(json.dumps(told), flush=True)
