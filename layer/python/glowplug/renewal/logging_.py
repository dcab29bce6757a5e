"""`logging`: what is buffered is written once, before the image; `relativeCreated` counts from the restore."""

import sys
import time
from contextlib import suppress

ENTROPY = 0


def prepare():
    logging = sys.modules.get("logging")
    buffers = [sys.stdout, sys.stderr]
    if logging is not None:
        buffers[:0] = [reference() for reference in logging._handlerList]
    for buffer in buffers:
        # What is closed, or cannot write, has nothing to lose: logging.shutdown passes over it too.
        with suppress(OSError, ValueError, AttributeError):
            buffer.flush()
    if logging is None:
        return None
    attributes = logging.__dict__
    # Nanoseconds from Python 3.13 on.
    now = time.time_ns if isinstance(logging._startTime, int) else time.time

    def renew(_environment, _entropy):
        attributes["_startTime"] = now()

    return renew
