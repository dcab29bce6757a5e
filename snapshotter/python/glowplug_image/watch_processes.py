"""Processes that are started, and shared memory that is mapped, by the calls that did it."""

# ruff: noqa: PTH115 (pathlib must not be imported before the target imports it)

import os

from glowplug_image import owners

ACCESS_READ, ACCESS_COPY = 1, 3  # of mmap
PAGE = os.sysconf("SC_PAGE_SIZE")


def program(argument):
    """The name of a program from its path or its first argument."""
    if isinstance(argument, (list, tuple)):
        argument = argument[0] if argument else ""
    if isinstance(argument, os.PathLike):
        argument = os.fspath(argument)
    if isinstance(argument, bytes):
        argument = argument.decode("utf-8", "replace")
    return str(argument).rpartition("/")[2]


class Processes:
    """Starts of processes and mappings of memory, in order: (what, owner)."""

    def __init__(self):
        self.started = []
        self.mapped = []
        self.events = {
            "subprocess.Popen": self.popen,
            "os.posix_spawn": self.spawn,
            "os.fork": self.fork,
            "os.forkpty": self.fork,
            "os.system": self.system,
            "mmap.__new__": self.map,
        }

    def popen(self, arguments, frame):
        executable, command = arguments[:2]
        self.started.append((program(executable or command), owners.find(frame)))

    def spawn(self, arguments, frame):
        self.started.append((program(arguments[0]), owners.find(frame)))

    def fork(self, arguments, frame):
        self.started.append((None, owners.find(frame)))

    def system(self, arguments, frame):
        self.started.append(("sh", owners.find(frame)))

    def map(self, arguments, frame):
        descriptor, length, access = arguments[:3]
        if access in (ACCESS_READ, ACCESS_COPY):
            return
        path = None
        if descriptor >= 0:
            path = os.readlink(f"/proc/self/fd/{descriptor}").removesuffix(" (deleted)")
            length = length or os.fstat(descriptor).st_size
        self.mapped.append((-(-length // PAGE) * PAGE, path, owners.find(frame)))

    def owner_of(self, name):
        """Who started a program of this name; a process that runs Python, as this one does, may have been forked."""
        for wanted in (name, None) if "python" in name else (name,):
            for started, owner in reversed(self.started):
                if started == wanted:
                    return owner
        return None

    def owners_of_mappings(self, mappings):
        """Who mapped each of the given (size, path): by both, or for memory without a file by size, in order."""
        left = list(self.mapped)
        found = []
        for size, path in mappings:
            fitting = [entry for entry in left if entry[0] == size and entry[1] in (path, None)]
            fitting.sort(key=lambda entry: entry[1] is None)
            if fitting:
                left.remove(fitting[0])
            found.append(fitting[0][2] if fitting else None)
        return found
