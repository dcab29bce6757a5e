"""Does workloads, goes to its snapshot point, and does them again: `work.py NAME,NAME [ARGUMENT] [leave]`.

Prints as JSON how it was started, whether all threads are there behind it, and what the work came to both times.
With `leave` it ends without the interpreter's way out, on which some libraries fail by themselves.
"""

import importlib
import json
import os
import sys
import time
from pathlib import Path

import glowplug

COUNTED = []


def threads():
    """How many threads there are."""
    return len(list(Path("/proc/self/task").iterdir()))


@glowplug.before_snapshot
def count():
    """Counts the threads, but for those that are on their way out: joined is not yet ended."""
    time.sleep(0.2)
    COUNTED.append(threads())


def work(workloads):
    return {name: workload.work() for name, workload in workloads.items()}


if __name__ == "__main__":
    workloads = {name: importlib.import_module(f"workloads.{name}") for name in sys.argv[1].split(",")}
    first = work(workloads)
    glowplug.snapshot_point()
    rung = glowplug.status()["rung"]
    # There may be more: OpenBLAS gets its own a while after a restore.
    kept = rung != "image" or threads() >= COUNTED[0]
    answer = work(workloads)
    print(json.dumps({"rung": rung, "kept": kept, "first": first, "answer": answer}), flush=True)
    if sys.argv[-1] == "leave":
        os._exit(0)
