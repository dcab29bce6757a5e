"""Reads one variable, and says after its snapshot point how it was started."""

import json
import os
import select

import glowplug

COLOUR = os.environ.get("COLOUR", "none")
# An open file that is made again at its number.
POLL = select.epoll()


@glowplug.after_restore
def after():
    wanted = os.environ.get("AFTER_RESTORE")
    if wanted == "refuse":
        from glowplug.renewal import RestoreRefused

        raise RestoreRefused("the hook does not like it here")
    if wanted == "fail":
        raise KeyError("a bug in a hook")
    if wanted == "abort":
        os.abort()
    if wanted == "kill":
        os.kill(os.getpid(), 9)


glowplug.snapshot_point()
status = glowplug.status()
print(json.dumps({**status, "colour": COLOUR, "shape": os.environ.get("SHAPE"), "poll": POLL.fileno()}))
if os.environ.get("AFTER_WORK") == "kill":
    os.kill(os.getpid(), 9)
