"""`logging`: what is buffered is written once, before the image; `relativeCreated` counts from the restore."""

import sys
import time

ENTROPY = 0


def prepare():
    logging = sys.modules.get("logging")
    if logging is not None:
        for reference in list(logging._handlerList):
            handler = reference()
            if handler is not None:
                handler.flush()
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()
    if logging is None:
        return None
    attributes = logging.__dict__
    # Nanoseconds from Python 3.13 on.
    now = time.time_ns if isinstance(logging._startTime, int) else time.time

    def renew(_environment, _entropy):
        attributes["_startTime"] = now()

    return renew
