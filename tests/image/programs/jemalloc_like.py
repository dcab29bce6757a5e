"""Has a library mapped that looks like one with jemalloc in it; gives memory back behind its snapshot point."""

import ctypes
import mmap
import sys

import glowplug

LIBRARY = ctypes.CDLL(sys.argv[1])
PAGES = mmap.mmap(-1, 64 * mmap.PAGESIZE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
PAGES.write(b"x" * len(PAGES))
glowplug.snapshot_point()
assert PAGES[:] == b"x" * len(PAGES)
PAGES.madvise(mmap.MADV_DONTNEED)
print(glowplug.status()["rung"], PAGES[:].strip(b"\0"))
