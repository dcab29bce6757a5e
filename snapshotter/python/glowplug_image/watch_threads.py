"""Threads that Python code starts, with the call that started them."""

import _weakref

from glowplug_image import owners


class Threads:
    """Starts of threads: (weak reference to the `threading.Thread` or None, name of its function, owner)."""

    def __init__(self):
        self.started = []
        self.events = {
            "_thread.start_new_thread": self.start,
            "_thread.start_joinable_thread": self.start,  # Python 3.13
        }

    def start(self, arguments, frame):
        function = arguments[0]
        thread = getattr(function, "__self__", None)
        reference = None
        # `Thread.start` passes its bound method `_bootstrap`.
        if getattr(function, "__name__", None) == "_bootstrap" and thread is not None:
            reference = _weakref.ref(thread)
        self.started.append((reference, getattr(function, "__qualname__", repr(function)), owners.find(frame)))

    def owner_of(self, thread):
        """Who started a `threading.Thread`, or None."""
        for reference, _, owner in self.started:
            if reference is not None and reference() is thread:
                return owner
        return None

    def raw(self):
        """Starts of threads without a `threading.Thread`: (name of the function, owner)."""
        return [(name, owner) for reference, name, owner in self.started if reference is None]
