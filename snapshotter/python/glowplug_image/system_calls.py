"""The system calls that threads wait in: which are resumed after a restore, and which have a far end."""

import posix

# Numbers by name, of x86-64 and 64-bit ARM (<asm/unistd.h>); those that only one of them has are 0 for the other.
NUMBERS = {
    "read": (0, 63), "write": (1, 64), "poll": (7, 0), "readv": (19, 65), "writev": (20, 66), "select": (23, 0),
    "sched_yield": (24, 124), "pause": (34, 0), "nanosleep": (35, 101), "connect": (42, 203), "accept": (43, 202),
    "sendto": (44, 206), "recvfrom": (45, 207), "sendmsg": (46, 211), "recvmsg": (47, 212), "wait4": (61, 260),
    "semop": (65, 193), "msgsnd": (69, 189), "msgrcv": (70, 188), "fcntl": (72, 25), "flock": (73, 32),
    "fsync": (74, 82), "rt_sigtimedwait": (128, 137), "rt_sigsuspend": (130, 133), "futex": (202, 98),
    "io_getevents": (208, 4), "restart_syscall": (219, 128), "semtimedop": (220, 192),
    "clock_nanosleep": (230, 115), "epoll_wait": (232, 0), "mq_timedsend": (242, 182),
    "mq_timedreceive": (243, 183), "waitid": (247, 95), "pselect6": (270, 72), "ppoll": (271, 73),
    "epoll_pwait": (281, 22), "accept4": (288, 242), "recvmmsg": (299, 243), "sendmmsg": (307, 269),
    "io_uring_enter": (426, 426), "epoll_pwait2": (441, 441), "futex_waitv": (449, 449), "futex_wait": (455, 455),
}  # fmt: skip
MACHINE = posix.uname().machine == "aarch64"
NAMES = {number: name for name, numbers in NUMBERS.items() if (number := numbers[MACHINE]) or name == "read"}

# These wait for this process itself, or for time to pass.
INSIDE = {
    "futex", "futex_wait", "futex_waitv", "nanosleep", "clock_nanosleep", "restart_syscall", "sched_yield", "pause",
    "rt_sigsuspend", "rt_sigtimedwait",
}  # fmt: skip
# Their first argument is the descriptor that they wait for.
OF_ONE_DESCRIPTOR = {
    "read", "readv", "write", "writev", "connect", "accept", "accept4", "sendto", "sendmsg", "sendmmsg", "recvfrom",
    "recvmsg", "recvmmsg", "flock", "fcntl", "fsync", "epoll_wait", "epoll_pwait", "epoll_pwait2", "io_uring_enter",
}  # fmt: skip
# Of these, what stays open in the process as it is can be waited for again.
RESUMED = {
    "read", "readv", "recvfrom", "recvmsg", "recvmmsg", "epoll_wait", "epoll_pwait", "epoll_pwait2", "poll", "ppoll",
    "select", "pselect6",
}  # fmt: skip

# What can be done about it, but for what the descriptor's own remedy says.
REMEDIES = {
    "wait4": "wait for the child process before init ends, or start it in the handler",
    "waitid": "wait for the child process before init ends, or start it in the handler",
    "connect": "connect in the handler, when it is first needed",
    "flock": "take the lock in the handler, when it is first needed",
    "fcntl": "take the lock in the handler, when it is first needed",
    "io_uring_enter": "keep the library from using io_uring, or end the thread in a before_snapshot hook",
}


class Call:
    """A system call that a thread is in, by `/proc/self/task/ID/syscall` (proc(5))."""

    def __init__(self, words):
        self.number = int(words[0])
        self.arguments = [int(word, 16) for word in words[1:-2]]
        self.stack_pointer = int(words[-2], 16)

    @property
    def name(self):
        return NAMES.get(self.number, f"system call {self.number}")

    def __str__(self):
        return f"{self.name}(2)" if self.number in NAMES else self.name

    def descriptors(self, words):
        """Numbers of the descriptors that are waited for. `words` reads a range of this process's memory."""
        if self.name in OF_ONE_DESCRIPTOR:
            return [self.arguments[0] & 0xFFFFFFFF]
        if self.name in ("poll", "ppoll"):
            address, count = self.arguments[:2]
            # struct pollfd: the descriptor, and twice 16 bits; negative ones are passed over.
            polled = [word & 0xFFFFFFFF for word in words(address, address + 8 * count)] if count else []
            return [number for number in polled if number < 1 << 31]
        if self.name in ("select", "pselect6"):
            count, *sets = self.arguments[:4]
            return sorted({number for each in sets if each for number in in_set(words, each, count)})
        return []


def in_set(words, address, count):
    """The numbers in an fd_set of select(2): a bit each."""
    content = words(address, address + (count + 63) // 64 * 8)
    return [number for number in range(count) if content[number // 64] >> number % 64 & 1]
