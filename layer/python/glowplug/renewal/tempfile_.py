"""`tempfile`'s names, and those of `multiprocessing`: each sequence makes itself a new generator when next used."""

import sys

from .found import instances

ENTROPY = 0


def prepare():
    tempfile = sys.modules.get("tempfile")
    if tempfile is None:
        return
    for sequence in instances(tempfile._RandomNameSequence):
        # Compared with os.getpid() (CPython Lib/tempfile.py, _RandomNameSequence.rng).
        sequence._rng_pid = None
