"""Runs a statement, then prints each imported module whose .pyc is missing or not that of its source.

The checks are those of SourceLoader.get_code (CPython's Lib/importlib/_bootstrap_external.py).
"""

import sys
from importlib.machinery import SourceFileLoader
from importlib.util import MAGIC_NUMBER
from pathlib import Path


def problem(spec):
    """What is wrong with the .pyc of a module, or None."""
    try:
        with Path(spec.cached).open("rb") as file:
            header = file.read(16)
    except OSError as error:
        return error.strerror
    if header[:4] != MAGIC_NUMBER:
        return "magic number"
    if int.from_bytes(header[4:8], "little") != 0:
        return "by hash, not by time"
    source = Path(spec.origin).stat()
    if int.from_bytes(header[8:12], "little") != int(source.st_mtime) & 0xFFFFFFFF:
        return "modification time"
    return None if int.from_bytes(header[12:], "little") == source.st_size else "size"


exec(sys.argv[1], {"__name__": "__main__"})
for name, module in list(sys.modules.items()):
    spec = getattr(module, "__spec__", None)
    if type(getattr(spec, "loader", None)) is SourceFileLoader and (what := problem(spec)):
        print(f"{name} ({what})")
