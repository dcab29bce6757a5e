"""Ends in the way that HOW names, behind its snapshot point."""

import atexit
import os
import sys
import threading

import glowplug

atexit.register(print, "first registered, last run", flush=True)
KEPT = open(os.devnull, "w")  # noqa: PTH123, SIM115 (stays open)
glowplug.snapshot_point()
atexit.register(print, "registered after the restore")
how = os.environ.get("HOW", "end")
print(f"how: {how}")
print("to stderr", file=sys.stderr)
if how == "exit":
    sys.exit(7)
if how == "message":
    sys.exit("a last word")
if how == "raise":
    raise ValueError("nobody catches this")
if how == "interrupt":
    raise KeyboardInterrupt
if how == "_exit":
    sys.stdout.flush()
    os._exit(9)
if how == "terminate":
    sys.stdout.flush()
    os.kill(os.getpid(), 15)
if how == "thread":
    threading.Thread(target=print, args=("from a thread",)).start()
