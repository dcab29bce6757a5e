"""Does workloads, goes to its snapshot point, and does them again: `work.py NAME,NAME [ARGUMENT] [leave]`.

Prints as JSON how it was started, whether all threads are there behind it, and what the work came to both times.
With `leave` it ends without the interpreter's way out, on which some libraries fail by themselves.
"""

import collections
import importlib
import json
import os
import sys
from pathlib import Path

import glowplug


def threads():
    """Names of the threads, as the kernel has them."""
    return collections.Counter(path.read_text() for path in Path("/proc/self/task").glob("*/comm"))


def work(workloads):
    return {name: workload.work() for name, workload in workloads.items()}


if __name__ == "__main__":
    workloads = {name: importlib.import_module(f"workloads.{name}") for name in sys.argv[1].split(",")}
    first = work(workloads)
    before = threads()
    glowplug.snapshot_point()
    # There may be more: OpenBLAS gets its own after a restore.
    kept = not before - threads()
    answer = work(workloads)
    print(json.dumps({"rung": glowplug.status()["rung"], "kept": kept, "first": first, "answer": answer}), flush=True)
    if sys.argv[-1] == "leave":
        os._exit(0)
