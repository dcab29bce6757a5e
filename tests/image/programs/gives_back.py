"""Gives memory back behind its snapshot point: all of it, and parts; maps the library that its argument names."""

import ctypes
import mmap
import sys
from pathlib import Path

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
# What is put in the place of memory that the image brought is no more the image's.
address = ctypes.addressof(ctypes.c_char.from_buffer(PAGES))
libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long)
libc.madvise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
FIXED = 0x10
with Path(__file__).open("rb") as file:
    access, flags = mmap.PROT_READ | mmap.PROT_WRITE, mmap.MAP_PRIVATE | FIXED
    assert libc.mmap(address, PAGE, access, flags, file.fileno(), 0) == address
assert libc.madvise(address, PAGE, mmap.MADV_DONTNEED) == 0
assert ctypes.string_at(address, 12) == b'"""Gives mem'
ctypes.memset(address, 0, PAGE)
print(glowplug.status()["rung"], PAGES[:].strip(b"\0"))
