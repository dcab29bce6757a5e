"""Prints what a clock says before and behind the snapshot point, in seconds: `clock.py monotonic`."""

import json
import sys
import time

import glowplug

CLOCK = getattr(time, f"CLOCK_{sys.argv[1].upper()}")
taken = time.clock_gettime(CLOCK)
glowplug.snapshot_point()
print(json.dumps([taken, time.clock_gettime(CLOCK)]))
