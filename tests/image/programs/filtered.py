"""Executes a command under a filter of system calls as containers have one, and stricter (seccomp(2)).

What is newer than the oldest kernels is answered with ENOSYS, as container runtimes do; the rest with EPERM. With
--deny-madvise before the command that is denied too.
"""

import ctypes
import errno
import os
import struct
import sys

# Of x86-64 (asm/unistd_64.h) and of 64-bit ARM (asm-generic/unistd.h).
MACHINE = ("x86_64", "aarch64").index(os.uname().machine)
NO_SUCH_CALL = {"rseq": (334, 293)[MACHINE], "clone3": 435}
DENIED = {
    "ptrace": (101, 117)[MACHINE],
    "process_vm_readv": (310, 270)[MACHINE],
    "process_vm_writev": (311, 271)[MACHINE],
    "kcmp": (312, 272)[MACHINE],
    "memfd_create": (319, 279)[MACHINE],
    "userfaultfd": (323, 282)[MACHINE],
    "process_madvise": 440,
}
PRCTL, PR_SET_MM = (157, 167)[MACHINE], 35
MADVISE, MADV_POPULATE_WRITE = (28, 233)[MACHINE], 23
PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 22, 2
# linux/bpf_common.h, linux/seccomp.h.
LOAD, EQUAL, RETURN = 0x20, 0x15, 0x06
ALLOW, ERROR = 0x7FFF0000, 0x00050000
# linux/audit.h.
AUDIT_ARCH = (0xC000003E, 0xC00000B7)[MACHINE]
NUMBER, ARCHITECTURE, FIRST_ARGUMENT, THIRD_ARGUMENT = 0, 4, 16, 32


def program():
    """The filter, as instructions of classic BPF: code, where to jump if true, if false, value."""
    steps = [(LOAD, 0, 0, ARCHITECTURE), (EQUAL, 1, 0, AUDIT_ARCH), (RETURN, 0, 0, ALLOW)]
    steps.append((LOAD, 0, 0, NUMBER))
    for numbers, error in ((NO_SUCH_CALL, errno.ENOSYS), (DENIED, errno.EPERM)):
        for number in numbers.values():
            steps += [(EQUAL, 0, 1, number), (RETURN, 0, 0, ERROR | error)]
    # Not there before Linux 5.14.
    steps += [(EQUAL, 0, 4, MADVISE), (LOAD, 0, 0, THIRD_ARGUMENT), (EQUAL, 0, 1, MADV_POPULATE_WRITE)]
    steps += [(RETURN, 0, 0, ERROR | errno.EINVAL), (LOAD, 0, 0, NUMBER)]
    steps += [(EQUAL, 0, 3, PRCTL), (LOAD, 0, 0, FIRST_ARGUMENT), (EQUAL, 0, 1, PR_SET_MM)]
    steps += [(RETURN, 0, 0, ERROR | errno.EPERM), (RETURN, 0, 0, ALLOW)]
    return steps


def install():
    steps = program()
    code = ctypes.create_string_buffer(b"".join(struct.pack("<HBBI", *step) for step in steps))
    record = ctypes.create_string_buffer(struct.pack("<HxxxxxxQ", len(steps), ctypes.addressof(code)))
    libc = ctypes.CDLL(None, use_errno=True)
    for arguments in ((PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), (PR_SET_SECCOMP, SECCOMP_MODE_FILTER, record, 0, 0)):
        if libc.prctl(*arguments) != 0:
            raise OSError(ctypes.get_errno(), "prctl")


command = sys.argv[1:]
if command[0] == "--deny-madvise":
    DENIED[command.pop(0)] = MADVISE
install()
assert ctypes.CDLL(None).prctl(PR_SET_MM, 0, 0, 0, 0) == -1
os.execve(command[0], command, os.environ)
