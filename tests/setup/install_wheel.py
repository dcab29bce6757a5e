"""Installs `dist/glowplug-*.whl` into the environments of `target/venvs.json`, offline, unless it is there already.

The environments with `code-data-share` are left as they are: the two are compared, not combined.
"""

import json
import sys
from pathlib import Path

import installer
import places
import stamp
from progress import say


def wheel():
    """The one wheel that `make wheel` left."""
    wheels = list((places.REPOSITORY / "dist").glob("glowplug-*.whl"))
    if len(wheels) != 1:
        sys.exit("expected one glowplug wheel in dist/: run `make wheel`")
    return wheels[0]


def install(venv, file):
    """Installs the wheel into one environment."""
    folder = Path(venv["executable"]).parents[1]
    # The environment's own stamp is part of it: one that was made anew has no wheel.
    wanted = stamp.digest(file.name, files=[file, folder / ".stamp"])
    if stamp.is_current(folder / ".wheel-stamp", wanted):
        return
    say(f"environment {venv['label']}: installing {file.name}")
    installer.install_wheel(venv["executable"], file)
    # As pip does.
    for package in folder.glob("lib/python3*/site-packages/glowplug"):
        installer.compile_all(venv["executable"], package)
    stamp.write(folder / ".wheel-stamp", wanted)


def main():
    file = wheel()
    for venv in json.loads(places.VENVS_JSON.read_text()):
        if not venv["cds"]:
            install(venv, file)


if __name__ == "__main__":
    main()
