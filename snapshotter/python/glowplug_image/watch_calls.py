"""Calls of functions that raise no audit event: their owners are noted by stand-ins for the functions.

A stand-in is in every module where the function was or is taken from one, and nowhere any more after `end`.
"""

import sys

from glowplug_image import owners

# Which module has the function, its name, and what its result means.
DESCRIPTORS = (("posix", "pipe"), ("posix", "pipe2"), ("posix", "openpty"), ("posix", "pidfd_open"), ("posix", "dup"))
TIMERS = (("_signal", "setitimer"), ("_signal", "alarm"))
# CPython before 3.12 raises no event for it.
THREADS = (("_thread", "start_new_thread"),) if sys.version_info < (3, 12) else ()


class StandIn:
    """Calls a function and then tells of it. Like a built-in function it is no method of a class it is in."""

    __slots__ = ("__name__", "notice", "original")

    def __init__(self, original, notice):
        self.original = original
        self.notice = notice
        self.__name__ = original.__name__

    def __call__(self, *arguments, **named):
        result = self.original(*arguments, **named)
        self.notice(result, arguments, sys._getframe(1))
        return result

    def __reduce__(self):
        return self.original.__reduce__()


class Calls:
    """Descriptors by number and timers, with the calls that made them."""

    def __init__(self, threads):
        self.threads = threads
        self.descriptors = {}
        self.timers = []
        self.guarded = None

    def begin(self, guarded):
        """Puts the stand-ins in place. `guarded` calls a function unless Glowplug itself is at work."""
        self.guarded = guarded
        stand_ins = {}
        for places, notice in ((DESCRIPTORS, self.opened), (TIMERS, self.timed), (THREADS, self.started)):
            for module, name in places:
                original = getattr(sys.modules.get(module), name, None)
                if original is not None:
                    stand_ins[id(original)] = StandIn(original, notice)
        self.replace(lambda value: stand_ins.get(id(value)))

    def end(self):
        self.guarded = None
        self.replace(lambda value: value.original if type(value) is StandIn else None)

    def replace(self, replacement):
        """Puts something else in the place of modules' attributes."""
        for module in list(sys.modules.values()):
            namespace = owners.namespace(module)
            for name, value in list(namespace.items()):
                new = replacement(value)
                if new is not None:
                    namespace[name] = new

    def opened(self, result, arguments, frame):
        if self.guarded is not None:
            numbers = result if isinstance(result, tuple) else (result,)
            self.guarded(lambda where: self.descriptors.update(dict.fromkeys(numbers, owners.find(where))), frame)

    def timed(self, result, arguments, frame):
        if self.guarded is not None:
            self.guarded(lambda where: self.timers.append(owners.find(where)), frame)

    def started(self, result, arguments, frame):
        if self.guarded is not None:
            self.guarded(lambda where: self.threads.start(arguments, where), frame)
