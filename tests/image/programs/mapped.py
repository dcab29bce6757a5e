"""Says after its snapshot point what its memory is mapped from: executable areas of the archive, and of nothing.

And of how many areas of the archive the kernel does not read around what is touched: in a hook, and at the end.
"""

import json
import re
import sys
from pathlib import Path

import glowplug


def read_alone():
    """Areas of the archive with MADV_RANDOM (proc_pid_smaps(5))."""
    areas = re.split(r"^(?=[0-9a-f]+-)", Path("/proc/self/smaps").read_text(), flags=re.MULTILINE)
    return sum(".glow\n" in area and re.search(r"VmFlags:.* rr( |$)", area, re.MULTILINE) is not None for area in areas)


FOUND = {}


@glowplug.after_restore
def at_first():
    FOUND["read_alone_at_first"] = read_alone()


glowplug.snapshot_point()
areas = [line.split(maxsplit=5) for line in Path("/proc/self/maps").read_text().splitlines()]
code = [area for area in areas if "x" in area[1]]
archive = [area for area in code if area[-1].endswith(".glow")]
nothing = [area for area in code if len(area) == 5]
threads = len(list(Path("/proc/self/task").iterdir()))
FOUND.update(archive=len(archive), nothing=len(nothing), read_alone=read_alone(), threads=threads)
json.dump({**glowplug.status(), **FOUND}, sys.stdout)
