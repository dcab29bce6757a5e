"""What is known about the interpreter, as the program found it at its start."""

import sys


def stdlib():
    """The standard library's directory, or None if it is nowhere to be found."""
    folder = getattr(sys, "_stdlib_dir", None)  # from 3.11 on
    if folder is None:
        file = getattr(sys.modules.get("os"), "__file__", None)
        folder = file.rpartition("/")[0] if file else None
    return folder


def describe():
    """The interpreter's facts as a dictionary for JSON."""
    return {
        "version": sys.version,
        "executable": sys.executable,
        "prefix": sys.prefix,
        "base_prefix": sys.base_prefix,
        "path": [entry for entry in sys.path if isinstance(entry, str)],
        "stdlib": stdlib(),
        "optimize": sys.flags.optimize,
        "cache_tag": sys.implementation.cache_tag,
        "pycache_prefix": sys.pycache_prefix,
    }
