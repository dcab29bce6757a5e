"""Fetches a page before its snapshot point and behind it: `... URL`. The client's time limits are tokio's.

Prints what was fetched, or why not.
"""

import json
import sys
import time

import glowplug
import primp

CLIENT = primp.Client(timeout=20)


def fetched():
    try:
        return CLIENT.get(sys.argv[1]).text
    except OSError as error:
        return repr(error)


before = fetched()
# The connection is closed meanwhile.
time.sleep(0.3)
glowplug.snapshot_point()
print(json.dumps({"rung": glowplug.status()["rung"], "before": before, "behind": [fetched(), fetched()]}), flush=True)
