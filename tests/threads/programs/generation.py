"""A program from whose restored process the next image is taken: `generation.py`, with NEXT in the environment.

NEXT names the specification that the snapshot step gives to process D (`snapshotter/python/image.py`); the image is
then taken by a process that is restored itself (`instead/sitecustomize.py`). Its threads wait for each other, so all
have to be there.
"""

import json
import os
import queue
import threading
from pathlib import Path

import glowplug

WORKERS = 3
inbox, outbox, meeting = queue.Queue(), queue.Queue(), threading.Barrier(WORKERS, timeout=30)


def work():
    while True:
        item = inbox.get()
        meeting.wait()
        outbox.put(item)


threads = [threading.Thread(target=work, daemon=True, name=f"worker {number}") for number in range(WORKERS)]
for thread in threads:
    thread.start()
generation = 1
while True:
    glowplug.snapshot_point()
    specification = os.environ.get("NEXT")
    if specification is None:
        break
    spec = json.loads(Path(specification).read_text(encoding="utf-8"))
    capture = glowplug.point.take.__self__
    capture.spec, capture.found = {**capture.spec, "output": spec["output"]}, None
    generation += 1
for item in range(10 * WORKERS):
    inbox.put(item)
done = sorted(outbox.get(timeout=30) for _ in range(10 * WORKERS))
tasks = {int(path.name) for path in Path("/proc/self/task").iterdir()}
there = all(thread.native_id in tasks for thread in threads)
told = {"rung": glowplug.status()["rung"], "generation": generation, "sum": sum(done), "there": there}
print(json.dumps(told), flush=True)
os._exit(0)
