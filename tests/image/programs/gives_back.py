"""Gives memory back behind its snapshot point: all of it, and parts; maps the library that its argument names."""

import ctypes
import mmap
import sys

import glowplug

LIBRARY = ctypes.CDLL(sys.argv[1])
PAGE = mmap.PAGESIZE
PAGES = mmap.mmap(-1, 64 * PAGE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
FULL = b"x" * len(PAGES)
PAGES.write(FULL)
glowplug.snapshot_point()
assert PAGES[:] == FULL
PAGES.madvise(mmap.MADV_DONTNEED, 3 * PAGE, 2 * PAGE)
assert PAGES[:] == FULL[: 3 * PAGE] + bytes(2 * PAGE) + FULL[5 * PAGE :]
PAGES[3 * PAGE] = 1
PAGES.madvise(mmap.MADV_DONTNEED)
try:
    PAGES.madvise(mmap.MADV_DONTNEED, 0, 0)
    PAGES.madvise(12345)
except OSError as error:
    assert error.errno == 22
print(glowplug.status()["rung"], PAGES[:].strip(b"\0"))
