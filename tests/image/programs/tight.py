"""Has memory, a full pipe, and memory that children do not get; makes do without where it cannot have them."""

import contextlib
import fcntl
import json
import mmap
import os

import glowplug

MADV_WIPEONFORK = 18
FILLING = b"x" * 60000

with contextlib.suppress(MemoryError):
    LARGE = bytearray(96 << 20)
READER, WRITER = os.pipe()
os.set_blocking(WRITER, False)
os.write(WRITER, FILLING)
os.set_blocking(WRITER, True)
with contextlib.suppress(OSError):
    os.dup2(READER, 60)
OWN = mmap.mmap(-1, mmap.PAGESIZE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
with contextlib.suppress(OSError):
    OWN.madvise(MADV_WIPEONFORK)

glowplug.snapshot_point()
OWN[:4] = b"mine"
if (child := os.fork()) == 0:
    os._exit(OWN[0])
status = glowplug.status()
blocks = not fcntl.fcntl(READER, fcntl.F_GETFL) & os.O_NONBLOCK and os.get_blocking(WRITER)
print(
    json.dumps(
        {
            **status,
            "read": len(os.read(READER, 1 << 20)),
            "blocks": blocks,
            "pipe": [READER, WRITER],
            "child_has": os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]),
        }
    )
)
