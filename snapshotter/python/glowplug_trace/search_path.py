"""Where modules may lie so that the archive can find them again: `sys.path` and packages' paths."""

import posix
import sys


def absolute(entry):
    """An entry of `sys.path` as the path finder takes it: relative ones from the current folder."""
    if entry.startswith("/"):
        return entry.rstrip("/") or "/"
    folder = posix.getcwd()
    return f"{folder}/{entry.rstrip('/')}" if entry not in ("", ".") else folder


class SearchPath:
    """Every directory that has been in `sys.path` while modules were imported."""

    def __init__(self):
        self.seen = {}

    def note(self):
        """Takes in what `sys.path` has now; returns its directories, absolute, in order."""
        now = [absolute(entry) for entry in sys.path if isinstance(entry, str)]
        self.seen.update(dict.fromkeys(now))
        return now

    def entries(self):
        """Today's entries in order, then those that were there once."""
        return list(dict.fromkeys([*self.note(), *self.seen]))

    def stems(self, name):
        """The paths, without a suffix, at which the module `name` would normally lie."""
        tail = name.replace(".", "/")
        for entry in self.note():
            yield f"{entry}/{tail}"
        parent, _, last = name.rpartition(".")
        if parent:
            for folder in package_path(parent)[:1]:
                yield f"{folder}/{last}"

    def fault(self, name, path, package, suffixes):
        """None where the file is where the import system looks first; else a reason in words."""
        middle = "/__init__" if package else ""
        for stem in self.stems(name):
            if any(path == f"{stem}{middle}{suffix}" for suffix in suffixes):
                return None
        return f"{path} is not where sys.path or its package's first directory would have it"


def package_path(name):
    """The directories in the `__path__` of an imported package, or nothing."""
    try:
        # Not by an attribute access: modules may be lazy.
        found = object.__getattribute__(sys.modules[name], "__dict__")["__path__"]
        return [absolute(entry) for entry in found if isinstance(entry, str)]
    except (KeyError, AttributeError, TypeError):
        return []
