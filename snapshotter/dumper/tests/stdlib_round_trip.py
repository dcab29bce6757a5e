"""Dumps the standard library (its tests aside), relocates all of it and compares; argument: where to write."""

import sys
import sysconfig
import warnings
from pathlib import Path

from comparing import differences
from dumping import add, finish, fresh, new_dumper
from relocating import Archive

ASIDE = {"test", "tests", "idle_test", "lib2to3", "site-packages", "dist-packages", "__pycache__", "turtledemo"}


def main(path):
    """Exits with what is different."""
    warnings.simplefilter("ignore")
    folder = Path(sysconfig.get_path("stdlib"))
    dumper = new_dumper()
    codes = {}
    for file in sorted(folder.rglob("*.py")):
        name = str(file.relative_to(folder).with_suffix(""))
        if ASIDE & set(Path(name).parts) or not file.is_file():
            continue
        codes[name] = fresh(file.read_bytes(), str(file))
        add(dumper, name, codes[name])
    finish(dumper, path)
    archive = Archive(path)
    found = []
    for name, code in codes.items():
        found += [f"{name}: {text}" for text in differences(code, archive.module(name, code.co_filename))]
    print(f"{len(codes)} modules, {archive.size} bytes of heap")
    sys.exit("\n".join(found[:50]) if found or len(codes) < 400 else 0)


if __name__ == "__main__":
    main(sys.argv[1])
