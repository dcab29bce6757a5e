"""Importing modules for own use, without the target seeing that they were imported."""

import sys

_loaded = {}


def load(name):
    """A module by its full name; what was imported for it is taken out of `sys.modules` again."""
    if name in sys.modules:
        return sys.modules[name]
    if name in _loaded:
        return _loaded[name]
    before = set(sys.modules)
    __import__(name)
    module = _loaded[name] = sys.modules[name]
    for new in set(sys.modules) - before:
        del sys.modules[new]
        parent, _, child = new.rpartition(".")
        if parent in before:
            vars(sys.modules[parent]).pop(child, None)
    return module
