"""Files that are opened: for writing, and data that is read outside of the standard library and packages."""

import posix
import sys

from glowplug_image import owners

# Not data: code, and what the kernel makes while it is read.
CODE = (".py", ".pyc", ".so", ".pth")
KERNEL = ("/proc/", "/sys/", "/dev/")
ACCESS_MODE = 0o3  # O_ACCMODE of <fcntl.h>


def is_for_writing(mode, flags):
    """Whether the arguments of an `open` audit event allow writing."""
    if isinstance(mode, str):
        return not {"w", "a", "x", "+"}.isdisjoint(mode)
    return isinstance(flags, int) and flags & ACCESS_MODE != posix.O_RDONLY


class Files:
    """Files by their absolute paths, with the owner of the first opening."""

    def __init__(self):
        self.written = {}
        self.read = {}
        self.events = {"open": self.opened}
        self.packages = tuple({sys.prefix + "/lib/", sys.base_prefix + "/lib/", owners.STDLIB_FOLDER})

    def opened(self, arguments, frame):
        path, mode, flags = arguments
        if isinstance(path, bytes):
            path = path.decode(sys.getfilesystemencoding(), sys.getfilesystemencodeerrors())
        if type(path) is not str:
            return
        if not path.startswith("/"):
            path = f"{posix.getcwd()}/{path}"
        if is_for_writing(mode, flags):
            files = self.written
        elif path.endswith(CODE) or path.startswith((*KERNEL, *self.packages)) or is_library(path):
            return
        else:
            files = self.read
        owner = files.get(path) or owners.find(frame)
        if owner is not None:
            files[path] = owner


def is_library(path):
    """Whether a file is part of an installed package, or says what is installed."""
    return owners.place(path) in (owners.PACKAGE, owners.OWN) or ".dist-info/" in path or ".egg-info/" in path
