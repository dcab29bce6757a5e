"""During which module's import threads and descriptors appeared that nothing else announces.

The process's lists in /proc are looked at before and after each module's body and each extension module's
initialisation.
"""

import _frozen_importlib_external as external
import posix
import sys

from glowplug_image import owners

IMPORTLIB = external._LoaderBasics.exec_module.__code__.co_filename


class Appearances:
    """Threads by their ids and descriptors by number and identity, each with its likely owner."""

    def __init__(self):
        self.running = []  # loaders whose module is in the making, the innermost last
        self.tasks = {}
        self.descriptors = {}
        self.found_tasks = set()
        self.found_descriptors = {}
        self.replaced = []

    def begin(self, guarded):
        """Starts looking. `guarded` calls a function with a frame unless Glowplug itself is at work."""
        self.found_tasks = set(posix.listdir("/proc/self/task"))
        self.found_descriptors = dict(open_descriptors())
        extension = external.ExtensionFileLoader
        for owner, name in (
            (external._LoaderBasics, "exec_module"), (extension, "create_module"), (extension, "exec_module")
        ):  # fmt: skip
            original = vars(owner)[name]
            self.replaced.append((owner, name, original))
            setattr(owner, name, self.around(original, guarded))

    def end(self):
        for owner, name, original in self.replaced:
            setattr(owner, name, original)
        self.replaced.clear()

    def around(self, original, guarded):
        """A loader's method that looks before and after it."""

        def look_around(loader, argument):
            guarded(self.look, sys._getframe(1))
            self.running.append(loader)
            try:
                return original(loader, argument)
            finally:
                guarded(self.look, sys._getframe(1))
                self.running.remove(loader)

        # The interpreter leaves importlib's frames out of tracebacks, and so this one.
        look_around.__code__ = look_around.__code__.replace(co_filename=IMPORTLIB)
        look_around.__name__ = original.__name__
        return look_around

    def look(self, frame):
        """Notes what is new, for whom has run since the last look."""
        tasks = set(posix.listdir("/proc/self/task"))
        new = tasks - self.found_tasks
        descriptors = dict(open_descriptors())
        opened = [n for n, identity in descriptors.items() if self.found_descriptors.get(n) != identity]
        if new or opened:
            owner = self.owner(frame)
            self.tasks.update((int(task), owner) for task in new)
            self.descriptors.update((n, (descriptors[n], owner)) for n in opened)
        self.found_tasks, self.found_descriptors = tasks, descriptors

    def owner(self, frame):
        """The module in the making; which of its lines it was is not known."""
        here = owners.find(frame) if frame is not None else None
        loader = self.running[-1] if self.running else None
        if loader is None or owners.place(loader.path) == owners.STDLIB:
            return here
        if here is not None and here["file"] == loader.path:
            return {**here, "line": None}
        return owners.of_file(loader.name, loader.path, None, here and (here["through"] or here))

    def owner_of_task(self, task):
        return self.tasks.get(task)

    def owner_of_descriptor(self, number, identity):
        """Who opened a descriptor, where it is the same open file still."""
        known, owner = self.descriptors.get(number, (None, None))
        return owner if known == identity else None


def open_descriptors():
    """Numbers and identities of the descriptors above 2, but for the one that lists them."""
    for entry in posix.listdir("/proc/self/fd"):
        number = int(entry)
        if number > 2:
            try:
                status = posix.fstat(number)
            except OSError:
                continue
            yield number, (status.st_dev, status.st_ino)
