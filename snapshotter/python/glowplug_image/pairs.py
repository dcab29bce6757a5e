"""Pipes and socket pairs with both ends in this process: how they are made again, with what is in them."""

import posix

from glowplug_image import native, own_imports, unix_sockets

F_GETPIPE_SZ = 1032  # <linux/fcntl.h>
MSG_PEEK = 2
# More would not fit into a new pipe, whose capacity this is (pipe(7)).
CONTENT_LIMIT = 1 << 16


class Refused(Exception):
    """A pair that cannot be made again; its text says why."""


def in_pipe(reader, writer, size):
    """The bytes in a pipe. They stay there, or without the dumper are taken out and put back."""
    if native.dumper is not None:
        content = native.dumper.in_pipe(reader, size)
        if len(content) != size:
            raise Refused("its content changes")
        return content
    if len(posix.listdir("/proc/self/task")) > 1:
        raise Refused("it holds bytes that another thread may be about to read")
    signal = own_imports.load("_signal")
    # libuv's signal handler waits for a byte that it keeps in a pipe.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    try:
        content = posix.read(reader, size)
        written = posix.write(writer, content)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    if (len(content), written) != (size, size):
        raise Refused("its content changes")
    return content


def pipe_records(reader, writer):
    """The records of a pipe's two ends."""
    fcntl = own_imports.load("fcntl")
    if (reader.flags | writer.flags) & posix.O_DIRECT:
        raise Refused("it is in packet mode (O_DIRECT)")
    size = unix_sockets.waiting(reader.number, fcntl)
    if size > CONTENT_LIMIT:
        raise Refused(f"it holds {size} bytes")
    capacity = fcntl.fcntl(reader.number, F_GETPIPE_SZ)
    content = in_pipe(reader.number, writer.number, size) if size else b""
    return [
        {"fd": end.number, "kind": "pipe", "end": name, "peer": peer.number, "flags": end.flags, "cloexec": end.cloexec,
         "capacity": capacity, "content": content.hex()}
        for end, peer, name in ((reader, writer, "read"), (writer, reader, "write"))
    ]  # fmt: skip


def in_socket(socket, end, fcntl):
    """The bytes that can be read from a stream socket, which stay there."""
    size = unix_sockets.waiting(end.number, fcntl)
    if not size:
        return b""
    if socket.type != own_imports.load("_socket").SOCK_STREAM:
        raise Refused("it holds messages that nobody has read")
    if size > CONTENT_LIMIT:
        raise Refused(f"it holds {size} bytes")
    return socket.recv(size, MSG_PEEK)


def socket_records(ends):
    """The records of a socket pair's two ends, which are given as (descriptor, socket)."""
    fcntl = own_imports.load("fcntl")
    records = []
    for (end, socket), (peer, _) in (ends, ends[::-1]):
        records.append(
            {"fd": end.number, "kind": "socketpair", "peer": peer.number, "type": int(socket.type), "flags": end.flags,
             "cloexec": end.cloexec, "content": in_socket(socket, end, fcntl).hex()}
        )  # fmt: skip
    return records


def socket_peers(ends):
    """The pairs among connected Unix sockets, given and returned as (descriptor, socket)."""
    by_inode = {end.status.st_ino: (end, socket) for end, socket in ends}
    try:
        sockets = own_imports.load("_socket")
        peers = {inode: unix_sockets.peer_by_kernel(inode, sockets) for inode in by_inode}
    except OSError:
        peers = _tried(by_inode)
    pairs = []
    for inode, peer in peers.items():
        if inode < peer and peers.get(peer) == inode:
            pairs.append((by_inode[inode], by_inode[peer]))
    return pairs


def _tried(by_inode):
    """What `socket_peers` needs, where the kernel does not say it."""
    fcntl = own_imports.load("fcntl")
    peers = {}
    ours = {inode: (end, socket) for inode, (end, socket) in by_inode.items() if made_here(socket)}
    for inode, (end, _) in ours.items():
        if inode in peers:
            continue
        others = [candidate.number for other, (candidate, _) in ours.items() if other not in (inode, *peers)]
        try:
            found = unix_sockets.peer_by_trial(end.number, others, fcntl)
        except OSError:
            continue
        for other, (candidate, _) in ours.items():
            if candidate.number == found:
                peers[inode], peers[other] = other, inode
    return peers


def made_here(socket):
    """Whether a socket's peer was made by this process (SO_PEERCRED of unix(7))."""
    sockets = own_imports.load("_socket")
    credentials = socket.getsockopt(sockets.SOL_SOCKET, sockets.SO_PEERCRED, 12)
    return int.from_bytes(credentials[:4], "little") == posix.getpid()
