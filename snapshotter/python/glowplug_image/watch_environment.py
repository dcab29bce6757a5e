"""Which environment variables are read through `os.environ` and `os.environb`, and which are set.

The objects stay the same; their class is another one while they are watched. Reads by C code are not seen
(`variables.READ_BY_C`), nor are those of `posix.environ`.
"""

import os
import sys

from glowplug_image import owners, variables

PLAIN = type(os.environ)


class Environment:
    """Reads and changes of variables, by name."""

    def __init__(self):
        self.active = False
        self.reads = {}  # name: (value or None, owner)
        self.exempt = {}  # name: owner, of those that were set
        self.whole = []  # owners
        self.changed = set()
        self.bulk = None

    def begin(self):
        # Closed over, so that nothing about the objects changes but their class.
        watched = watched_class(self)
        os.environ.__class__ = watched
        os.environb.__class__ = watched
        self.active = True

    def end(self):
        self.active = False
        self.bulk = None
        os.environ.__class__ = PLAIN
        os.environb.__class__ = PLAIN

    def read(self, name, value, frame):
        if not self.active or self.is_bulk(frame):
            return
        name, value = text(name), text(value)
        if name is None or name in self.changed or name in self.reads or name in self.exempt:
            return
        owner = owners.find(frame)
        if owner is None:  # Glowplug itself
            return
        if variables.is_exempt(name):
            if value is not None:
                self.exempt[name] = owner
        else:
            self.reads[name] = (value, owner)

    def is_bulk(self, frame):
        """Whether a frame reads the variables one after the other: `dict(os.environ)`, `os.environ.items()`."""
        return self.bulk == (frame.f_code, frame.f_lasti) or is_view(frame)

    def read_whole(self, frame):
        if not self.active:
            return
        if not is_view(frame):
            self.bulk = (frame.f_code, frame.f_lasti)
        owner = owners.find(frame)
        if owner is not None and owner not in self.whole:
            self.whole.append(owner)

    def change(self, name):
        name = text(name)
        if self.active and name is not None:
            self.changed.add(name)


def is_view(frame):
    """Whether a frame is the iteration of a mapping's keys, values or items."""
    file = frame.f_code.co_filename
    return frame.f_code.co_name == "__iter__" and "_collections_abc" in file and owners.place(file) == owners.STDLIB


def text(value):
    """A name or value as a string; None for what is neither string nor bytes."""
    return os.fsdecode(value) if isinstance(value, (str, bytes)) else None


def watched_class(environment):
    """A class for the environment's objects that tells `environment` what is done with them."""

    class Watched(PLAIN):
        # `get`, `in`, `pop`, `setdefault` and the views come here too (collections.abc.MutableMapping).
        def __getitem__(self, key):
            try:
                value = PLAIN.__getitem__(self, key)
            except KeyError:
                environment.read(key, None, sys._getframe(1))
                raise
            environment.read(key, value, sys._getframe(1))
            return value

        def __iter__(self):
            environment.read_whole(sys._getframe(1))
            return PLAIN.__iter__(self)

        def keys(self):
            environment.read_whole(sys._getframe(1))
            return PLAIN.keys(self)

        def __setitem__(self, key, value):
            PLAIN.__setitem__(self, key, value)
            environment.change(key)

        def __delitem__(self, key):
            PLAIN.__delitem__(self, key)
            environment.change(key)

    Watched.__name__, Watched.__qualname__, Watched.__module__ = PLAIN.__name__, PLAIN.__qualname__, PLAIN.__module__
    return Watched
