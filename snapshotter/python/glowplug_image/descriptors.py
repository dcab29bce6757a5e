"""The open descriptors of the function: how each is made again after a restore, or why it cannot be."""

import posix

from glowplug_image import fdinfo, own_imports, pairs, sockets, watch
from glowplug_image.obstacle import Obstacle

REGULAR, FOLDER, CHARACTER, FIFO, KIND = 0o100000, 0o040000, 0o020000, 0o010000, 0o170000  # S_IFMT of <sys/stat.h>
DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")
F_GET_SEALS = 1034
MEMORY_LIMIT = 16 << 20
# Sealed against seals: so is every memfd that was made without MFD_ALLOW_SEALING.
F_SEAL_SEAL = 1
EFD_SEMAPHORE = 1
SECOND = 10**9
CREATION = posix.O_CREAT | posix.O_EXCL | posix.O_TRUNC
DELETED = " (deleted)"

CLOSE = "close it at the end of init, or open it in the handler when it is first needed"
URING = "close it at the end of init; an event loop of uvloop has one until it is closed, asyncio's own has none"
ANONYMOUS = {  # by the kernel's names
    "inotify": "an inotify watch",
    "[pidfd]": "a pidfd of another process",
    "[signalfd]": "a signalfd",
    "[io_uring]": "an io_uring",
    "[fanotify]": "a fanotify group",
    "[userfaultfd]": "a userfaultfd",
    "[perf_event]": "a performance counter",
}


def found(fresh_sockets=False):
    """Records of what can be made again, and obstacles for the rest.

    Descriptors that were open when `watch.begin` was called, and those up to 2, are left out. With `fresh_sockets`
    a socket that is neither connected nor bound is a record of the kind `socket`; otherwise it is an obstacle.
    """
    with watch.quiet():
        return Search(fresh_sockets).run()


class Search:
    """One look at the descriptors."""

    def __init__(self, fresh_sockets):
        self.watch = watch.current
        self.fresh_sockets = fresh_sockets
        self.records = []
        self.obstacles = []

    def run(self):
        self.watch.appearances.look(None)
        everything = fdinfo.all_open()
        own = []
        for descriptor in everything:
            if descriptor.number <= 2 or self.watch.inherited.get(descriptor.number) == descriptor.identity:
                continue
            own.append(descriptor)
        standard = [descriptor for descriptor in everything if descriptor.number <= 2]
        distinct = self.without_duplicates(standard, own)
        self.numbers = {descriptor.number: descriptor for descriptor in (*standard, *own)}
        pipes, unix = [], []
        for descriptor in distinct:
            if descriptor.kind == "pipe":
                pipes.append(descriptor)
            elif descriptor.kind == "socket":
                unix.append(descriptor)
            elif descriptor.kind == "anon_inode":
                self.anonymous(descriptor)
            elif descriptor.link.startswith("/memfd:"):
                self.memory(descriptor)
            else:
                self.path(descriptor)
        self.pipes(pipes)
        self.sockets(unix)
        self.records.sort(key=lambda record: record["fd"])
        return self.records, self.obstacles

    def without_duplicates(self, standard, own):
        """The first descriptor of each open file description; the others are recorded as its duplicates."""
        fcntl = own_imports.load("fcntl")
        distinct = []
        for descriptor in own:
            for first in (*standard, *distinct):
                if fdinfo.same_description(first, descriptor, fcntl):
                    self.record(descriptor, "duplicate", of=first.number)
                    break
            else:
                distinct.append(descriptor)
        return distinct

    def record(self, descriptor, kind, **facts):
        self.records.append({"fd": descriptor.number, "kind": kind, "cloexec": descriptor.cloexec, **facts})

    def refuse(self, descriptor, kind, what, remedy, owner=None, **facts):
        owner = owner or self.owner(descriptor)
        self.obstacles.append(Obstacle(kind, what, remedy, owner, fd=descriptor.number, **facts))

    def owner(self, descriptor):
        if descriptor.kind == "socket":
            known = self.watch.network.owner_of(descriptor.number)
        else:
            path = descriptor.link.removesuffix(DELETED)
            known = self.watch.files.written.get(path) or self.watch.files.read.get(path)
        known = known or self.watch.calls.descriptors.get(descriptor.number)
        return known or self.watch.appearances.owner_of_descriptor(descriptor.number, descriptor.identity)

    def path(self, descriptor):
        """A file, folder, device or named pipe."""
        path, mode = descriptor.link, descriptor.status.st_mode & KIND
        if mode == FIFO:
            return self.refuse(descriptor, "pipe", f"the named pipe {path} is open", CLOSE, path=path)
        if mode == CHARACTER and path not in DEVICES:
            return self.refuse(descriptor, "device", f"the device {path} is open", CLOSE, path=path)
        if mode == REGULAR and descriptor.writes:
            remedy = "log to stdout or stderr, or open it in the handler: what is written after a restore would be lost"
            return self.refuse(descriptor, "writable-file", f"{path} is open for writing", remedy, path=path)
        if descriptor.values("lock"):
            return self.refuse(
                descriptor, "lock", f"a lock is held on {path}", "release it at the end of init", path=path
            )
        if mode not in (REGULAR, FOLDER, CHARACTER) or not is_at(path, descriptor):
            return self.refuse(descriptor, "file", f"{path} is open, and is not there any more", CLOSE, path=path)
        own = f"/proc/{posix.getpid()}/"
        if path.startswith(own):
            path = "/proc/self/" + path[len(own) :]
        flags = descriptor.flags & ~CREATION
        return self.record(descriptor, "file", path=path, flags=flags, offset=descriptor.position)

    def anonymous(self, descriptor):
        name = descriptor.link.partition(":")[2]
        if name == "[eventpoll]":
            self.epoll(descriptor)
        elif name == "[eventfd]":
            # Kernels that do not say it: none is assumed.
            semaphore = EFD_SEMAPHORE if descriptor.value("eventfd-semaphore") == "1" else 0
            count = int(descriptor.value("eventfd-count"), 16)
            self.record(descriptor, "eventfd", count=count, flags=descriptor.flags & posix.O_NONBLOCK | semaphore)
        elif name == "[timerfd]":
            self.timer(descriptor)
        else:
            what = ANONYMOUS.get(name, f"a kernel object of the kind {name}")
            remedy = URING if name == "[io_uring]" else CLOSE
            self.refuse(descriptor, name.strip("[]"), f"{what} is open", remedy)

    def epoll(self, descriptor):
        """An epoll instance with what it watches: fdinfo's lines `tfd: 5 events: 19 data: 5 pos:0 ino:1 sdev:1`."""
        targets = []
        for line in descriptor.values("tfd"):
            words = line.replace(":", " ").split()
            facts = dict(zip(words[1::2], words[2::2], strict=False))
            target = self.numbers.get(int(words[0]))
            inode = facts.get("ino")
            if target is None or (inode is not None and int(inode, 16) != target.status.st_ino):
                what = f"an epoll instance watches descriptor {words[0]}, which is closed or not the function's"
                return self.refuse(descriptor, "epoll", what, "unregister it before it is closed")
            targets.append({"fd": target.number, "events": int(facts["events"], 16), "data": int(facts["data"], 16)})
        return self.record(descriptor, "epoll", flags=descriptor.flags & posix.O_NONBLOCK, targets=targets)

    def timer(self, descriptor):
        """A timerfd. Its times, in nanoseconds, are what is left, whether it was set to a date or to a duration."""

        def time(name):
            seconds, nanoseconds = descriptor.value(name).strip("()").split(",")
            return int(seconds) * SECOND + int(nanoseconds)

        # One that has gone off and was not read goes off again at once.
        value = 1 if int(descriptor.value("ticks")) else time("it_value")
        self.record(
            descriptor, "timerfd", clockid=int(descriptor.value("clockid")), flags=descriptor.flags & posix.O_NONBLOCK,
            settime_flags=0, value=value, interval=time("it_interval"),
        )  # fmt: skip

    def memory(self, descriptor):
        name = descriptor.link.removesuffix(DELETED).removeprefix("/memfd:")
        size = descriptor.status.st_size
        if size > MEMORY_LIMIT:
            what = f"the memfd {name} holds {size} bytes, more than {MEMORY_LIMIT}"
            return self.refuse(descriptor, "memfd", what, CLOSE)
        seals = own_imports.load("fcntl").fcntl(descriptor.number, F_GET_SEALS)
        if seals & ~F_SEAL_SEAL:
            return self.refuse(descriptor, "memfd", f"the memfd {name} is sealed", CLOSE)
        return self.record(
            descriptor, "memfd", name=name, size=size, content=read_all(descriptor.number, size).hex(),
            flags=descriptor.flags, offset=descriptor.position,
        )  # fmt: skip

    def pipes(self, ends):
        by_inode = {}
        for end in ends:
            by_inode.setdefault(end.identity, []).append(end)
        for same in by_inode.values():
            readers = [end for end in same if end.reads]
            writers = [end for end in same if end.writes]
            try:
                if (len(readers), len(writers), len(same)) == (1, 1, 2):
                    self.records += pairs.pipe_records(readers[0], writers[0])
                    continue
                missing = "writing" if readers else "reading"
                both = bool(readers and writers)
                why = "its ends were opened again" if both else f"its {missing} end is not in this process"
            except (pairs.Refused, OSError) as error:
                why = str(error)
            for end in same:
                self.refuse(end, "pipe", f"the pipe at descriptor {end.number} is open, and {why}", CLOSE)

    def sockets(self, descriptors):
        by_kernel = self.watch.network.bound_by_kernel
        states = [(each, sockets.State(each.number, by_kernel(each.number))) for each in descriptors]
        try:
            self.sort_sockets(states)
        finally:
            for _, state in states:
                state.socket.detach()

    def sort_sockets(self, states):
        unix = [(descriptor, state.socket) for descriptor, state in states if state.may_be_pair]
        done = set()
        for pair in pairs.socket_peers(unix):
            try:
                self.records += pairs.socket_records(pair)
            except (pairs.Refused, OSError) as error:
                for end, _ in pair:
                    self.refuse(end, "socket", f"a socket pair is open, and {error}", CLOSE)
            done.update(end.number for end, _ in pair)
        for descriptor, state in states:
            if descriptor.number in done:
                continue
            if self.fresh_sockets and state.is_fresh:
                self.record(descriptor, "socket", flags=descriptor.flags & posix.O_NONBLOCK, **state.facts())
                continue
            kind, what, remedy = state.obstacle()
            self.refuse(descriptor, kind, what, remedy, **state.addresses())


def is_at(path, descriptor):
    """Whether the open file is still what its path names."""
    try:
        status = posix.stat(path)
    except OSError:
        return False
    return path.startswith("/proc/") or (status.st_dev, status.st_ino) == descriptor.identity


def read_all(number, size):
    """A file's content, by positions; its own position stays."""
    parts, at = [], 0
    while at < size and (part := posix.pread(number, size - at, at)):
        parts.append(part)
        at += len(part)
    return b"".join(parts)
