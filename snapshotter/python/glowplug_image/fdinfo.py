"""The open descriptors of this process and what the kernel says of them (proc(5), /proc/pid/fdinfo)."""

# ruff: noqa: PTH123, PTH115 (pathlib must not be imported before the target imports it)

import os
import posix

from glowplug_image import native

O_CLOEXEC = posix.O_CLOEXEC
ACCESS_MODE = 0o3  # O_ACCMODE of <fcntl.h>
O_PATH = posix.O_PATH


class Descriptor:
    """An open descriptor: its number, what it refers to, flags, position and further lines of `fdinfo`."""

    def __init__(self, number):
        self.number = number
        self.link = os.readlink(f"/proc/self/fd/{number}")
        self.status = posix.fstat(number)
        self.identity = (self.status.st_dev, self.status.st_ino)
        self.lines = []
        with open(f"/proc/self/fdinfo/{number}", encoding="utf-8", errors="replace") as file:
            for line in file:
                name, _, value = line.strip().partition(":")
                self.lines.append((name, value.strip()))
        flags = int(self.value("flags"), 8)
        self.cloexec = bool(flags & O_CLOEXEC)
        self.flags = flags & ~O_CLOEXEC
        self.position = int(self.value("pos"))

    def value(self, name):
        """The value of the first line of that name, or None."""
        return next((value for key, value in self.lines if key == name), None)

    def values(self, name):
        return [value for key, value in self.lines if key == name]

    @property
    def reads(self):
        return self.flags & ACCESS_MODE in (posix.O_RDONLY, posix.O_RDWR)

    @property
    def writes(self):
        return self.flags & ACCESS_MODE in (posix.O_WRONLY, posix.O_RDWR)

    @property
    def kind(self):
        """The first word of the link: `pipe`, `socket`, `anon_inode`, or `/` for a path."""
        return "/" if self.link.startswith("/") else self.link.partition(":")[0]

    def like(self, other):
        """Whether two descriptors may refer to one open file description, as far as it shows."""
        mine, others = ([line for line in each.lines if line[0] != "flags"] for each in (self, other))
        return (self.identity, self.link, self.flags, mine) == (other.identity, other.link, other.flags, others)


def all_open():
    """All open descriptors in order."""
    found = []
    for entry in posix.listdir("/proc/self/fd"):
        try:
            found.append(Descriptor(int(entry)))
        except OSError:  # the one that listed them
            continue
    return sorted(found, key=lambda descriptor: descriptor.number)


def same_description(one, other, fcntl):
    """Whether two descriptors share an open file description.

    Where the kernel does not say so: a flag set on one is seen on the other. O_APPEND means nothing to what is not
    written at a position, and files open for writing are no part of an image; so a thread that uses it notices nothing.
    """
    if not one.like(other):
        return False
    if (one.flags | other.flags) & O_PATH:
        return False
    said = native.dumper and native.dumper.same_open_file(one.number, other.number)
    if said is not None:
        return said
    flags = fcntl.fcntl(one.number, fcntl.F_GETFL)
    try:
        fcntl.fcntl(one.number, fcntl.F_SETFL, flags ^ posix.O_APPEND)
    except OSError:  # what it refers to does not have that flag
        return False
    try:
        return fcntl.fcntl(other.number, fcntl.F_GETFL) == flags ^ posix.O_APPEND
    finally:
        fcntl.fcntl(one.number, fcntl.F_SETFL, flags)
