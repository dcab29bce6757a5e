"""What of a file is in the page cache (mincore(2)), and putting it out of there."""

import ctypes
import mmap
import os


def resident(path):
    """Bytes of a file that are in the page cache."""
    size = path.stat().st_size
    with path.open("rb") as file, mmap.mmap(file.fileno(), size, flags=mmap.MAP_PRIVATE) as area:
        first = ctypes.c_char.from_buffer(area)
        pages = (ctypes.c_ubyte * -(-size // mmap.PAGESIZE))()
        assert ctypes.CDLL(None).mincore(ctypes.byref(first), ctypes.c_size_t(size), pages) == 0
        del first
    return sum(page & 1 for page in pages) * mmap.PAGESIZE


def write_back(*paths):
    """Has the disk hold what was written; only such pages can be evicted."""
    for path in paths:
        with path.open("rb") as file:
            os.fsync(file.fileno())


def evict(path):
    """Takes a file out of the page cache."""
    write_back(path)
    with path.open("rb") as file:
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    assert resident(path) == 0, path
