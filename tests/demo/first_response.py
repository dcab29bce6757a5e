"""What a runtime does at a cold start: import the handler's module, call it, send the response.

python first_response.py app.handler EVENT.json
"""

import sys

module, _, function = sys.argv[1].rpartition(".")
handler = getattr(__import__(module), function)
import json  # noqa: E402  (the handler comes first: a runtime brings json with it)

with open(sys.argv[2], encoding="utf-8") as file:  # noqa: PTH123 (a runtime does not import pathlib)
    response = handler(json.load(file), None)
print(json.dumps(response), flush=True)
sys.stdin.readline()  # answered; the measurement ends here
import glowplug  # noqa: E402

print(glowplug.status()["rung"], flush=True)
