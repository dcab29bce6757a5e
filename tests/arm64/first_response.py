"""Runs a handler as a runtime would: `first_response.py ROOT EVENT [ARCHIVE]`. Prints what it answered and the status.

With an archive it activates that one itself; `sys.path` has to have the loader.
"""

import sys

root, event, *archives = sys.argv[1:]
if archives:
    import _glowplug

    _glowplug.activate(archives[0])
sys.path.insert(0, root)
import app  # noqa: E402
import orders.totals  # noqa: E402

with open(event, encoding="utf-8") as file:  # noqa: PTH123
    answer = app.handler(eval(file.read()), None)
loader = sys.modules.get("_glowplug")

import json  # noqa: E402

kind = type(orders.totals.__spec__.loader).__name__
print(json.dumps({"answer": answer, "status": loader and loader.status(), "loader": kind}))
