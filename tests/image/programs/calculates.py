"""Has a library loaded that looks like OpenBLAS, and says which core it was told when the program began."""

import ctypes
import json
import sys

import glowplug

LIBRARY = ctypes.CDLL(sys.argv[1])
LIBRARY.openblas_get_corename.restype = ctypes.c_char_p
CORE = LIBRARY.openblas_get_corename().decode()
glowplug.snapshot_point()
print(json.dumps({"rung": glowplug.status()["rung"], "core": CORE}))
