"""Lines that tell a person what the set-up is doing and how long each step took."""

import sys
import time
from contextlib import contextmanager

_STARTED = time.monotonic()


def say(line):
    """Prints one progress line, stamped with the seconds since this script started."""
    print(f"[{time.monotonic() - _STARTED:6.1f} s] {line}", file=sys.stderr, flush=True)


@contextmanager
def step(what):
    """Announces a step, and says how long it took when it is done."""
    say(f"{what} ...")
    began = time.monotonic()
    yield
    say(f"{what}: done in {time.monotonic() - began:.1f} s")
