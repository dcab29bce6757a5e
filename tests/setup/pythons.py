"""Finds or installs the interpreters that Glowplug is tested with and writes `target/pythons.json`.

    {"pythons": [{"minor": "3.12", "label": "3.12", "executable": "..."}, ...],
     "skipped": [{"minor": "3.10", "label": "3.10", "why": "..."}]}

For a minor, in this order: pyenv's newest, `python3.N` on PATH, a Debian suite unpacked below `target/`. Beside them
Debian's own `/usr/bin/python3.11`, a statically linked, position-dependent executable.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import debian_archive
import places
import system_packages
from progress import say

MINORS = ("3.10", "3.11", "3.12", "3.13", "3.14")

# The suites of Debian that have a minor; the others can come from pyenv or PATH only.
SUITES = {"3.11": "bookworm", "3.13": "trixie", "3.14": "sid"}

# "executable minor implementation debug free-threaded" of an interpreter, after its start-up.
ASK = (
    "import sys, sysconfig as s; print(sys.executable, '%d.%d' % sys.version_info[:2], sys.implementation.name, "
    "bool(s.get_config_var('Py_DEBUG')), bool(s.get_config_var('Py_GIL_DISABLED')))"
)


def identify(candidate, minor):
    """The interpreter's own path if it is a plain CPython of that minor, else None."""
    try:
        answer = subprocess.run([candidate, "-I", "-c", ASK], capture_output=True, text=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    executable, *rest = answer.stdout.rsplit(maxsplit=4) or [""]
    # pyenv's shims answer for whatever version is selected, or with an error.
    return executable if rest == [minor, "cpython", "False", "False"] else None


def from_pyenv(minor):
    """Candidates below pyenv's versions, the newest first."""
    root = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    patches = [p for p in root.glob(f"versions/{minor}.*") if p.name.split(".")[2].isdigit()]
    return [p / "bin" / f"python{minor}" for p in sorted(patches, key=lambda p: -int(p.name.split(".")[2]))]


def from_path(minor):
    """Candidates on PATH."""
    return [Path(folder) / f"python{minor}" for folder in os.environ.get("PATH", "").split(os.pathsep) if folder]


def find(minor):
    """The executable for a minor; raises `debian_archive.Unavailable`."""
    for candidate in (*from_pyenv(minor), *from_path(minor)):
        if executable := identify(candidate, minor):
            return executable
    if minor not in SUITES:
        raise debian_archive.Unavailable("neither pyenv nor PATH has it, and no Debian suite does")
    return debian_archive.python(SUITES[minor], minor)


def debians_own():
    """`/usr/bin/python3.11` as Debian links it: installed where the suite has it, else unpacked from bookworm."""
    installed = Path("/usr/bin/python3.11")
    if identify(installed, "3.11"):
        return installed
    problem = system_packages.install(["python3.11", "python3.11-venv"], "the tests of Debian's Python 3.11")
    if problem is None and identify(installed, "3.11"):
        return installed
    say(f"{problem}; unpacking it below target/ instead")
    return debian_archive.python("bookworm", "3.11")


def complete_tests(minor, label, executable):
    """Sees to it that CPython's own tests are there: most Pythons bring them, Debian's installed ones do not."""
    ask = "import sysconfig; print(sysconfig.get_path('stdlib'))"
    answer = subprocess.run([executable, "-I", "-c", ask], capture_output=True, text=True, check=True)
    library = Path(answer.stdout.strip())
    if (library / "test" / "test_json").is_dir():
        return
    try:
        if minor not in SUITES or not (library / "test" / "support").is_dir():
            raise debian_archive.Unavailable("its own `test` package is missing, and no Debian suite has it")
        debian_archive.test_package(SUITES[minor], minor, library, places.cpython_tests(label))
    except debian_archive.Unavailable as why:
        say(f"Python {label}: CPython's own tests will be SKIPPED, {why}")


def main():
    wanted = [(minor, minor, lambda minor=minor: find(minor)) for minor in MINORS]
    wanted.insert(2, ("3.11", "3.11-debian", debians_own))
    found, skipped = [], []
    for minor, label, get in wanted:
        try:
            executable = str(get())
        except debian_archive.Unavailable as why:
            skipped.append({"minor": minor, "label": label, "why": str(why)})
            say(f"Python {label}: SKIPPED, {why}")
            continue
        found.append({"minor": minor, "label": label, "executable": executable})
        say(f"Python {label}: {executable}")
        complete_tests(minor, label, executable)
    places.TARGET.mkdir(exist_ok=True)
    places.PYTHONS_JSON.write_text(json.dumps({"pythons": found, "skipped": skipped}, indent=2) + "\n")
    if not found:
        say("no Python to test with was found or could be installed")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
