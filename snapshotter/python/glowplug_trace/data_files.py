"""Files that the target read, and shared libraries that it mapped."""

# ruff: noqa: PTH123 (pathlib must not be imported before the target imports it)

import posix
import sys

from glowplug_trace import search_path

# What the archive or the dynamic linker deals with.
NOT_DATA = (".py", ".pyc", ".so")
# Regular files by their mode, but made by the kernel while they are read.
KERNEL = ("/proc/", "/sys/", "/dev/")
REGULAR, KIND = 0o100000, 0o170000  # S_IFREG and S_IFMT of <sys/stat.h>
ACCESS_MODE = 0o3  # O_ACCMODE of <fcntl.h>


def is_for_reading(mode, flags):
    """Whether the arguments of an `open` audit event mean reading only."""
    if isinstance(mode, str):
        return "r" in mode and "+" not in mode
    return isinstance(flags, int) and flags & ACCESS_MODE == posix.O_RDONLY


class DataFiles:
    """Files opened through Python, in the order of first use."""

    def __init__(self, own_folder):
        self.own_folder = own_folder + "/"
        self.opened = {}
        self.active = False

    def begin(self):
        self.active = True
        sys.addaudithook(self.hook)

    def end(self):
        self.active = False

    def hook(self, event, arguments):
        if event != "open" or not self.active:
            return
        path, mode, flags = arguments
        if isinstance(path, bytes):
            path = path.decode(sys.getfilesystemencoding(), sys.getfilesystemencodeerrors())
        if type(path) is not str or path.endswith(NOT_DATA) or not is_for_reading(mode, flags):
            return
        try:
            path = search_path.absolute(path)
        except OSError:  # the current folder is gone
            return
        if not path.startswith((*KERNEL, self.own_folder)):
            self.opened[path] = None

    def existing(self):
        """Those that are regular files now, with their sizes."""
        found = []
        for path in self.opened:
            try:
                status = posix.stat(path)
            except (OSError, ValueError):
                continue
            if status.st_mode & KIND == REGULAR:
                found.append({"path": path, "size": status.st_size})
        return found


def shared_libraries():
    """Paths of the shared libraries mapped into this process, in address order (proc(5), maps)."""
    found = {}
    with open("/proc/self/maps", encoding="utf-8", errors="surrogateescape") as file:
        for line in file:
            fields = line.rstrip("\n").split(None, 5)
            path = fields[5] if len(fields) == 6 else ""
            name = path.rpartition("/")[2]
            if "x" in fields[1] and path.startswith("/") and (".so." in name or name.endswith(".so")):
                found[path] = None
    return list(found)
