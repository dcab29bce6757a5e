"""Looks for the values of environment variables in an archive.

Run as `python -I secret_scan.py SPEC RESULT`. SPEC has the archive's path and two lists of name and value: `own`, of
which those that are likely secrets are looked for, and `given`, all of which are. RESULT gets the names that are there.
"""

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from glowplug_image import secrets_scan


def main():
    spec = json.loads(Path(sys.argv[1]).read_text("utf-8"))
    own, given = dict(spec["own"]), dict(spec["given"])
    likely = secrets_scan.likely_secrets(own)
    found = {
        "own": secrets_scan.find_secrets(spec["archive"], likely),
        "given": secrets_scan.find_secrets(spec["archive"], secrets_scan.likely_secrets(given)),
    }
    Path(sys.argv[2]).write_text(json.dumps(found), "utf-8")


main()
