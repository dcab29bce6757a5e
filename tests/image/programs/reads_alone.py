"""Answers of how many areas of the archive the kernel does not read around what is touched."""

import re
from pathlib import Path


def handler(event, context):
    areas = re.split(r"^(?=[0-9a-f]+-)", Path("/proc/self/smaps").read_text(), flags=re.MULTILINE)
    # proc_pid_smaps(5): MADV_RANDOM.
    return sum(".glow\n" in area and re.search(r"VmFlags:.* rr( |$)", area, re.MULTILINE) is not None for area in areas)
