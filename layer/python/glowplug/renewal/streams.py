"""`sys.stdin`, `stdout`, `stderr`: as an interpreter would make them for the new process's descriptors.

Lines are written at once where they go to a terminal; a stream whose descriptor is closed is None (CPython,
Python/pylifecycle.c, `create_stdio`). The objects stay, as others hold them.
"""

import io
import os
import sys

ENTROPY = 0

NAMES = ("stdin", "stdout", "stderr")


def prepare():
    own = [
        (number, name, stream)
        for number, name in enumerate(NAMES)
        # What the program has put there instead is its own.
        if type(stream := getattr(sys, name)) is io.TextIOWrapper
        and stream is getattr(sys, f"__{name}__")
        and not stream.closed
        and stream.fileno() == number
    ]
    attributes, fstat, isatty = sys.__dict__, os.fstat, os.isatty

    def renew(_environment, _entropy):
        for number, name, stream in own:
            try:
                fstat(number)
            except OSError:
                attributes[name] = attributes[f"__{name}__"] = None
                continue
            # With -u it is written through anyway.
            if number and stream.line_buffering is not (by_line := number == 2 or isatty(number)):
                stream.reconfigure(line_buffering=by_line)

    return renew if own else None
