"""Imports what the checks need, and runs one of them behind its snapshot point: the file that CHECK names.

Nothing of the interpreter's has to be read after the restore, by a user who may not.
"""

# ruff: noqa: F401 (the checks use them)

import asyncio
import atexit
import concurrent.futures.thread
import cProfile
import ctypes
import encodings.idna
import faulthandler
import gc
import importlib.machinery
import importlib.util
import inspect
import io
import json
import mmap
import multiprocessing.pool
import multiprocessing.popen_fork
import multiprocessing.queues
import multiprocessing.resource_tracker
import multiprocessing.synchronize
import os
import pstats
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import tracemalloc
import weakref
from pathlib import Path

import glowplug

HELD = [json.loads('{"held": [1, 2.5, "three"]}') for _ in range(100)]
# More than malloc takes from its heap: a mapping of its own.
LARGE = bytearray(b"held") * 1_000_000
CAUGHT = []
signal.signal(signal.SIGUSR1, lambda number, frame: CAUGHT.append(number))


def fails(divisor):
    return HELD[0]["held"][0] / divisor  # as planned


if __name__ == "__main__":
    atexit.register(print, "registered before the image")
    glowplug.snapshot_point()
    check = os.environ["CHECK"]
    exec(compile(Path(check).read_text("utf-8"), check, "exec"), {"__name__": "check"})
