"""Calls a function of a library that was loaded before the snapshot point."""

import ctypes
import json
import sys

import glowplug

LIBRARY = ctypes.CDLL(sys.argv[1])
glowplug.snapshot_point()
print(json.dumps({**glowplug.status(), "answer": LIBRARY.answer()}))
