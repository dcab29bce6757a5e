"""Executes a command in a mount namespace where the C library is that of a folder: `other_libc.py FOLDER COMMAND...`.

Its parts belong together, so all of them are mounted, by this process, which has its own in memory already.
"""

import ctypes
import os
import sys
from pathlib import Path

# What glibc consists of, as far as programs are linked with it.
NAMES = ("ld-linux-x86-64.so.2", "libc.so.6", "libm.so.6", "libdl.so.2", "libpthread.so.0", "librt.so.1",
         "libutil.so.1", "libresolv.so.2", "libnss_files.so.2", "libnss_dns.so.2")  # fmt: skip
CLONE_NEWNS, MS_BIND, MS_REC, MS_PRIVATE = 0x20000, 4096, 16384, 1 << 18

libc = ctypes.CDLL(None, use_errno=True)


def do(name, *arguments):
    if getattr(libc, name)(*arguments) != 0:
        raise OSError(ctypes.get_errno(), name)


folder, *command = sys.argv[1:]
pairs = []
for name in NAMES:
    source, place = Path(folder, name), Path("/usr/lib/x86_64-linux-gnu", name)
    if source.exists() and place.exists():
        pairs.append((os.fsencode(source.resolve()), os.fsencode(place.resolve())))
do("unshare", CLONE_NEWNS)
do("mount", b"none", b"/", None, MS_REC | MS_PRIVATE, None)
for source, place in pairs:
    do("mount", source, place, None, MS_BIND, None)
os.execve(command[0], command, os.environ)
