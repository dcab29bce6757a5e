"""Whether a module's `.pyc` is one that a plain start uses."""

# ruff: noqa: PTH123 (pathlib must not be imported before the target imports it)

import _frozen_importlib_external as external
import _imp
import marshal
import posix


def read(path):
    with open(path, "rb") as file:
        return file.read()


def state(name, path):
    """`valid`, `missing`, `stale` or `unreadable`, judged as importlib does.

    CPython, Lib/importlib/_bootstrap_external.py, SourceLoader.get_code.
    """
    try:
        data = read(external.cache_from_source(path))
        stat = posix.stat(path)
    except (NotImplementedError, FileNotFoundError, NotADirectoryError):
        return "missing"
    except OSError:
        return "unreadable"
    try:
        flags = external._classify_pyc(data, name, {})
        if flags & 1:
            checked = flags & 2 or _imp.check_hash_based_pycs == "always"
            if checked and _imp.check_hash_based_pycs != "never":
                source_hash = _imp.source_hash(external._RAW_MAGIC_NUMBER, read(path))
                external._validate_hash_pyc(data, source_hash, name, {})
        else:
            external._validate_timestamp_pyc(data, int(stat.st_mtime), stat.st_size, name, {})
    except ImportError:
        return "stale"
    except EOFError:
        return "unreadable"
    try:
        marshal.loads(memoryview(data)[16:])
    except (EOFError, ValueError, TypeError):
        return "unreadable"
    return "valid"
