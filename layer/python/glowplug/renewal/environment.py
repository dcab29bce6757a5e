"""os.environ, os.environb, posix.environ: the restored process's, in the same objects as ever."""

import os
import posix

ENTROPY = 0


def prepare():
    dictionaries = [posix.environ]
    # The same one, unless the program has put another in its place (CPython Lib/os.py, _create_environ_mapping).
    wrapped = getattr(os.environ, "_data", None)
    if isinstance(wrapped, dict) and wrapped is not posix.environ:
        dictionaries.append(wrapped)

    def renew(environment, _):
        for dictionary in dictionaries:
            dictionary.clear()
            dictionary.update(environment)

    return renew
