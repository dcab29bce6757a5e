"""Imports behind its snapshot point, and while that is recorded ends there as its argument says."""

import json
import sys
import time

import glowplug

glowplug.snapshot_point()
import plistlib  # noqa: E402
import wave  # noqa: E402

modules = (plistlib, wave)
loaders = {module.__name__: type(module.__loader__).__module__ for module in modules}
print(json.dumps({"status": glowplug.status(), "loaders": loaders}), flush=True)
how = sys.argv[1] if glowplug.status()["rung"] == "plain" else ""
if how == "exit":
    sys.exit(3)
if how == "fail":
    raise KeyError("no such order")
if how == "serve":
    time.sleep(600)
while how == "stubborn":
    try:
        time.sleep(600)
    except BaseException:
        how = "convinced"
        time.sleep(600)
