"""Builds everything that runs beside or inside a function for arm64, and tries it under emulation; prints a table.

    python3 tests/arm64/try_arm64.py [LABEL...]

LABEL is an arm64 Python of Debian's (3.11, 3.13, 3.14); default: PYTHONS, or all. Exit status 1 if anything failed. No
part of `make test`: it fetches 800 MB of Debian packages, and takes two hours the first time. See docs/arm64.md.
"""

import os
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "setup"))

import emulated
import machine
import parts
import system_packages
import toolchain
import tools
from checks import CHECKS, Trial
from debian_archive import Unavailable
from progress import say


class Table:
    """What was tried and what came of it."""

    def __init__(self):
        self.rows = []

    def attempt(self, where, what, action, *arguments):
        """Does something and notes how it went; returns whether it went well."""
        say(f"{where}: {what} ...")
        begun = time.monotonic()
        try:
            passed, said = True, action(*arguments)
        except Exception as error:
            passed, said = False, f"{error}" or type(error).__name__
        seconds = time.monotonic() - begun
        self.rows.append((where, what, "pass" if passed else "FAIL", f"{seconds:.1f} s", said.splitlines()[-1]))
        if not passed:
            say(f"{where}: {what}: FAILED: {said}")
        return passed

    def show(self):
        """Prints the table; returns the exit status."""
        rows = [("where", "what", "result", "time", "seen"), *self.rows]
        widths = [max(len(row[column]) for row in rows) for column in range(4)]
        for row in rows:
            print("  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[-1]]).rstrip())
        failed = [row for row in self.rows if row[2] == "FAIL"]
        print(f"\n{len(self.rows) - len(failed)} passed, {len(failed)} failed")
        return 1 if failed or not self.rows else 0


def build(part):
    """Builds a part; says what it is."""
    return parts.looks(part, part.build())


def prepare():
    """Everything that is not of arm64; stops with what is missing."""
    if system_packages.main() != 0:
        sys.exit(1)
    tools.install(tools.places.TOOLS, tools.REQUIREMENTS)
    try:
        toolchain.make()
        toolchain.namespace()
        toolchain.fetch_crates()
    except Unavailable as why:
        sys.exit(f"arm64 cannot be tried here: {why}")


def main(labels):
    labels = labels or os.environ.get("PYTHONS", "").split() or list(emulated.PYTHONS)
    if unknown := [label for label in labels if label not in emulated.PYTHONS]:
        sys.exit(f"there is no arm64 Python {unknown[0]} here; there are {', '.join(emulated.PYTHONS)}")
    prepare()
    table = Table()
    built = {name: table.attempt("build", name, build, part) for name, part in parts.PARTS.items()}
    command = parts.PAYLOAD / parts.PARTS["command"].name if built["command"] else None
    for label in labels:
        try:
            trial = Trial(label, parts.PAYLOAD, command)
        except Unavailable as why:
            table.rows.append((label, "an arm64 Python", "FAIL", "", f"cannot be had: {why}"))
            continue
        for what, check in CHECKS:
            table.attempt(label, what, check, trial)
    for each in machine.MACHINES:
        if each.minor in labels:
            what = f"process image: {each.processor}, kernel of {each.kernel}"
            table.attempt(each.minor, what, machine.image_is_restored, each, parts.PAYLOAD, command)
    return table.show()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
