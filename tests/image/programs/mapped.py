"""Says after its snapshot point what its memory is mapped from: executable areas of the archive, and of nothing."""

import json
import sys
from pathlib import Path

import glowplug

glowplug.snapshot_point()
areas = [line.split(maxsplit=5) for line in Path("/proc/self/maps").read_text().splitlines()]
code = [area for area in areas if "x" in area[1]]
archive = [area for area in code if area[-1].endswith(".glow")]
nothing = [area for area in code if len(area) == 5]
json.dump({**glowplug.status(), "archive": len(archive), "nothing": len(nothing)}, sys.stdout)
