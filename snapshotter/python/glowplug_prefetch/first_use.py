"""In which order files are first used: opened by Python, or mapped."""

import posix
import sys

from glowplug_trace import data_files, search_path

from glowplug_prefetch import mapped_files

# Some of the modules imported last have no code in the archive: one of these has.
LATEST = 16


class FirstUse:
    """Paths in the order of first use, the recorder's own left out.

    With each stand the names of the modules imported last by then, the latest first; `None` before there was an
    archive.
    """

    def __init__(self, own_folder):
        self.own_folder = own_folder + "/"
        self.order = {}
        self.before = frozenset()
        self.following = False
        self.active = False
        # The loaded objects, and those of them whose files are known.
        self.loaded = None
        self.known = set()

    def begin(self, started):
        """Takes in what has been used already; `started` are the modules that the interpreter starts with."""
        self.note_mapped()
        self.note(sys.executable)
        for path in start_files(started):
            self.note(path)
        self.active = True
        sys.addaudithook(self.hook)

    def follow(self, loaded):
        """From now on an archive is active; `loaded` gives the paths of the loaded objects."""
        self.loaded = loaded
        self.note_mapped()
        # What was imported before did not come from the archive: where its code lies there says nothing.
        self.before = frozenset(sys.modules)
        self.following = True

    def end(self):
        """Stops; returns the paths with their modules."""
        self.active = False
        self.note_mapped()
        return [{"path": path, "modules": modules} for path, modules in self.order.items()]

    def hook(self, event, arguments):
        if not self.active:
            return
        if event == "open":
            path, mode, flags = arguments
            if data_files.is_for_reading(mode, flags):
                self.note(path)
        elif event == "import" and arguments[1] is not None:
            # An extension module is about to be mapped; what the one before it brought is there now.
            self.note_loaded()
            self.note(arguments[1])

    def note(self, path):
        if isinstance(path, bytes):
            path = path.decode(sys.getfilesystemencoding(), sys.getfilesystemencodeerrors())
        if type(path) is not str or "\0" in path:
            return
        try:
            path = search_path.absolute(path)
        except OSError:  # the current folder is gone
            return
        if path not in self.order and not path.startswith((*data_files.KERNEL, self.own_folder)):
            self.order[path] = self.latest_modules() if self.following else None

    def latest_modules(self):
        """Names of the modules that were added to `sys.modules` last, the latest first."""
        names = []
        for name in reversed(sys.modules):
            if len(names) == LATEST:
                break
            if name not in self.before:
                names.append(name)
        return names

    def note_loaded(self):
        if self.loaded is None:
            self.note_mapped()
            return
        for path in self.loaded():
            if path not in self.known:
                self.known.add(path)
                self.note(real(path))

    def note_mapped(self):
        for path in mapped_files.paths():
            self.note(path)


def real(path):
    """The path by which the kernel knows an open file: without links."""
    try:
        file = posix.open(path, posix.O_PATH | posix.O_CLOEXEC)
    except OSError:
        return path
    try:
        return posix.readlink(f"/proc/self/fd/{file}")
    finally:
        posix.close(file)


def start_files(modules):
    """The files that the interpreter has read by itself: its settings, and its modules' `.pyc` or source.

    They are small, but a start waits for each of them, one after the other.
    """
    if sys.prefix != sys.base_prefix:
        yield f"{sys.prefix}/pyvenv.cfg"
    for module in modules:
        spec = getattr(module, "__spec__", None)
        if spec is not None and spec.has_location:
            cached = spec.cached
            yield cached if cached and posix.access(cached, posix.R_OK) else spec.origin
    for folder in sys.path:
        if folder.endswith("-packages") and posix.access(folder, posix.R_OK):
            yield from (f"{folder}/{name}" for name in sorted(posix.listdir(folder)) if name.endswith(".pth"))
