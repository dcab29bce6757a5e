"""SQLite's generator, behind SQL's `random()` and `randomblob()`: reset, it seeds itself when next used."""

import sys

from .mapped import libraries

ENTROPY = 0


def prepare():
    if "_sqlite3" not in sys.modules:
        return
    import ctypes

    # Where SQLite is linked into the module itself, that is the library.
    for path in libraries("libsqlite3") or [getattr(sys.modules["_sqlite3"], "__file__", None)]:
        randomness = getattr(ctypes.CDLL(path), "sqlite3_randomness", None)
        if randomness is not None:
            randomness.argtypes, randomness.restype = (ctypes.c_int, ctypes.c_void_p), None
            randomness(0, None)
