"""Which Unix sockets are connected to each other."""

import posix

# <linux/netlink.h>, <linux/sock_diag.h>, <linux/unix_diag.h>
NETLINK_SOCK_DIAG = 4
SOCK_DIAG_BY_FAMILY = 20
NLM_F_REQUEST = 1
UDIAG_SHOW_PEER = 4
UNIX_DIAG_PEER = 2
NO_COOKIE = 0xFFFFFFFF
HEADER, ATTRIBUTES = 16, 16 + 16  # of struct nlmsghdr; and of struct unix_diag_msg after it
FIONREAD = 0x541B


def numbers(data, at, size=4):
    return int.from_bytes(data[at : at + size], "little")


def request(inode):
    """A netlink message that asks for one socket's peer (sock_diag(7))."""
    words = (0xFFFFFFFF, inode, UDIAG_SHOW_PEER, NO_COOKIE, NO_COOKIE)
    body = bytes((1, 0, 0, 0)) + b"".join(word.to_bytes(4, "little") for word in words)
    length = HEADER + len(body)
    return (
        length.to_bytes(4, "little")
        + SOCK_DIAG_BY_FAMILY.to_bytes(2, "little")
        + NLM_F_REQUEST.to_bytes(2, "little")
        + bytes(8)
        + body
    )


def peer_by_kernel(inode, sockets):
    """The inode of a socket's peer, 0 where it has none; OSError where the kernel does not say."""
    asking = sockets.socket(16, sockets.SOCK_RAW | sockets.SOCK_CLOEXEC, NETLINK_SOCK_DIAG)
    try:
        asking.settimeout(1)
        asking.send(request(inode))
        answer = asking.recv(4096)
    finally:
        asking.close()
    length, kind = numbers(answer, 0), numbers(answer, 4, 2)
    if kind != SOCK_DIAG_BY_FAMILY:
        raise OSError(f"sock_diag answers with a message of type {kind}")
    at = ATTRIBUTES
    while at + 4 <= length:
        size, name = numbers(answer, at, 2), numbers(answer, at + 2, 2)
        if name == UNIX_DIAG_PEER:
            return numbers(answer, at + 4)
        at += max(4, (size + 3) & ~3)
    return 0


def waiting(number, fcntl):
    """How many bytes can be read from a socket or pipe."""
    return numbers(fcntl.ioctl(number, FIONREAD, bytes(4)), 0)


def peer_by_trial(number, candidates, fcntl):
    """The candidate that a byte written to a socket arrives at; it is taken out again. None without one.

    All buffers must be empty, and the peer one that this process made (`SO_PEERCRED`).
    """
    if any(waiting(each, fcntl) for each in (number, *candidates)):
        return None
    posix.write(number, b"\0")
    for each in candidates:
        if waiting(each, fcntl):
            posix.read(each, 1)
            return each
    return None
