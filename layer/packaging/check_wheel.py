"""Checks the wheel in `dist/` as its users' tools would see it: its tag against auditwheel's findings; its contents."""

import subprocess
import sys
import zipfile
from pathlib import Path

DIST = Path(__file__).resolve().parents[2] / "dist"

# Names in the wheel that users rely on; the dumper is inside the command, never beside the loader.
REQUIRED = (
    "_glowplug.abi3.so",
    "glowplug.pth",
    "glowplug/__init__.py",
    ".data/scripts/glowplug",
    ".data/scripts/glowplug-bench",
    "/licenses/LICENSE-MIT",
)
FORBIDDEN = ("_glowplug_dumper", "__pycache__", ".pyc")


def main():
    (wheel,) = DIST.glob("glowplug-*.whl")
    report = subprocess.run(
        [sys.executable, "-m", "auditwheel", "show", wheel], capture_output=True, text=True, check=True
    ).stdout
    found = " ".join(report.split()).split('platform tag: "')[1].split('"')[0]
    faults = []
    # The last part of the name: "manylinux_2_17_x86_64.manylinux2014_x86_64".
    claimed = wheel.stem.split("-")[-1].split(".")
    if found not in claimed:
        faults.append(f"its tag says {' or '.join(claimed)}, auditwheel finds {found}")
    names = zipfile.ZipFile(wheel).namelist()
    faults += [f"{wanted} is missing" for wanted in REQUIRED if not any(name.endswith(wanted) for name in names)]
    faults += [f"{name} does not belong in it" for name in names if any(part in name for part in FORBIDDEN)]
    if faults:
        sys.exit(f"{wheel.name}:\n  " + "\n  ".join(faults))
    print(f"{wheel.name}: auditwheel agrees with its tag ({found})", file=sys.stderr)


if __name__ == "__main__":
    main()
