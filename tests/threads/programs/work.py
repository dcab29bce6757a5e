"""Does workloads, goes to its snapshot point, and does them again: `work.py NAME,NAME [ARGUMENT] [leave]`.

Prints as JSON how it was started, whether all threads are there behind it, and what the work came to both times.
With `leave` it ends without the interpreter's way out, on which some libraries fail by themselves.
"""

import importlib
import json
import os
import sys
from pathlib import Path

import glowplug


def threads():
    """How many threads there are."""
    return len(list(Path("/proc/self/task").iterdir()))


def work(workloads):
    return {name: workload.work() for name, workload in workloads.items()}


if __name__ == "__main__":
    workloads = {name: importlib.import_module(f"workloads.{name}") for name in sys.argv[1].split(",")}
    first = work(workloads)
    before = threads()
    glowplug.snapshot_point()
    # There may be more: OpenBLAS gets its own after a restore.
    kept = threads() >= before
    answer = work(workloads)
    print(json.dumps({"rung": glowplug.status()["rung"], "kept": kept, "first": first, "answer": answer}), flush=True)
    if sys.argv[-1] == "leave":
        os._exit(0)
