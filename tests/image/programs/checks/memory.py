"""Memory grows by brk(2) and by mmap(2), and keeps what is written."""

import ctypes
import mmap

from __main__ import HELD, LARGE

# Given back to the system, which may not let it have the end of its heap set, and which then has another.
libc = ctypes.CDLL(None)
libc.malloc_trim(0)
# It grows beyond what lies behind it in the archive, and beyond the archive's end.
LARGE.extend(bytes(100_000_000))
assert LARGE.count(b"held") == 1_000_000
assert LARGE.count(0) == 100_000_000
LARGE.clear()

small = [bytes([n % 256]) * 600 for n in range(60_000)]
large = [bytearray(bytes([n])) * 3_000_000 for n in range(20)]
assert all(part == bytes([n % 256]) * 600 for n, part in enumerate(small))
assert all(part.count(n) == 3_000_000 for n, part in enumerate(large))
del small, large
libc.malloc_trim(0)
libc.malloc.restype, libc.malloc.argtypes, libc.free.argtypes = ctypes.c_void_p, [ctypes.c_size_t], [ctypes.c_void_p]
blocks = [libc.malloc(100_000) for _ in range(500)]
for number, block in enumerate(blocks):
    assert block
    ctypes.memset(block, number % 256, 100_000)
assert all(ctypes.string_at(block + 99_999, 1)[0] == number % 256 for number, block in enumerate(blocks))
for block in blocks:
    libc.free(block)
with mmap.mmap(-1, 1 << 24) as area:
    area[-5:] = b"there"
    assert area.find(b"there") == (1 << 24) - 5
assert HELD == [{"held": [1, 2.5, "three"]}] * 100
