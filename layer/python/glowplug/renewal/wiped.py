"""Memory that the kernel wipes in a forked process, or may drop at any time, is zero after a restore.

glibc 2.41 and later keep the state of `getrandom` there, from which the kernel's vDSO draws: restored as it was, it
would have `os.urandom` itself repeat. BoringSSL and AWS-LC, in wheels that hold them, tell by such memory that they
were forked. Zero means "start anew" to all of them (madvise(2), MADV_WIPEONFORK; mmap(2), MAP_DROPPABLE).
"""

import os
import re

FLAGS = re.compile(rb"^([0-9a-f]+)-([0-9a-f]+) rw.*\n(?:[A-Z].*\n)*?VmFlags:.* (?:wf|dp)\b", re.MULTILINE)


def prepare():
    """Wipes it; returns a function that wipes it again, without arguments, or None where there is none."""
    with open("/proc/self/smaps", "rb") as smaps:
        found = FLAGS.findall(smaps.read())
    areas = [(int(start, 16), bytes(int(end, 16) - int(start, 16))) for start, end in found]
    if not areas:
        return None

    def wipe():
        memory = os.open("/proc/self/mem", os.O_WRONLY | os.O_CLOEXEC)
        for start, zeros in areas:
            os.pwrite(memory, zeros, start)
        os.close(memory)

    wipe()
    return wipe
