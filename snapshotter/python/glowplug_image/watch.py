"""Watches the target's start for what matters to a process image.

`begin` before the target's first import, `handling` before its handler is called, `end` afterwards. What was seen
stays readable after `end`.
"""

import posix
import sys

from glowplug_image import (
    variables,
    watch_calls,
    watch_environment,
    watch_files,
    watch_imports,
    watch_kernel,
    watch_network,
    watch_processes,
    watch_threads,
)


class Watch:
    """One start under observation."""

    def __init__(self):
        self.phase = "init"
        self.busy = False
        self.environment = watch_environment.Environment()
        self.files = watch_files.Files()
        self.network = watch_network.Network(lambda: self.phase)
        self.imports = watch_imports.Imports()
        self.processes = watch_processes.Processes()
        self.threads = watch_threads.Threads()
        self.calls = watch_calls.Calls(self.threads)
        self.appearances = watch_kernel.Appearances()
        self.inherited = {}
        self.handlers = {}

    def begin(self):
        self.inherited = dict(watch_kernel.open_descriptors())
        for watcher in (self.files, self.imports, self.network, self.processes, self.threads):
            self.handlers.update(watcher.events)
        self.appearances.begin(self.guarded)
        self.calls.begin(self.guarded)
        self.environment.begin()
        handler_of = self.handlers.get

        # It cannot be removed: once `handlers` is empty it does no more than look there.
        def hook(event, arguments):
            handler = handler_of(event)
            if handler is not None:
                self.guarded(lambda frame: handler(arguments, frame), sys._getframe(1))

        sys.addaudithook(hook)

    def guarded(self, function, frame):
        """Calls a function; what it does itself is not watched, and its failure is not the target's."""
        if self.busy:
            return
        self.busy = True
        try:
            function(frame)
        except Exception as error:
            print(f"glowplug: watching failed ({error!r}), which is a bug of glowplug", file=sys.stderr)
        finally:
            self.busy = False

    def handling(self):
        self.phase = "handler"
        self.guarded(self.appearances.look, None)

    def end(self):
        self.handlers.clear()
        self.appearances.end()
        self.calls.end()
        self.environment.end()


class Quiet:
    """While this is entered, what Glowplug does itself is not watched."""

    def __enter__(self):
        self.before, current.busy = current.busy, True

    def __exit__(self, *exception):
        current.busy = self.before


current = Watch()
quiet = Quiet


def begin():
    """Starts watching. What is open now was inherited and is not the function's."""
    current.begin()


def handling():
    """The imports are done: connections made from here on are the handler's, not init's."""
    current.handling()


def end():
    """Stops watching; `os.environ` is as it was before."""
    current.end()


def environment_reads():
    """Name and value of the variables read so far, None for absent ones; exempt ones are left out."""
    reads = {name: value for name, (value, _) in current.environment.reads.items()}
    for name in variables.READ_BY_C:
        if name not in reads and name not in current.environment.changed:
            reads[name] = at_start(name)
    return reads


def imports_in_vain():
    """Names that were looked for as modules and are none."""
    with quiet():
        return current.imports.in_vain()


def environment_changes():
    """Names of the variables that the function itself set or removed."""
    return sorted(current.environment.changed)


def at_start(name):
    """A variable's value when this process was started, or None."""
    value = posix.environ.get(name.encode())
    return None if value is None else value.decode(sys.getfilesystemencoding(), sys.getfilesystemencodeerrors())
