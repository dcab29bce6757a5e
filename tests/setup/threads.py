"""The environments of `make threads-check` and `make threads-endurance`: packages that keep threads.

`target/venvs/<minor>-threads/` holds what `tests/requirements/<minor>.txt` and `threads.txt` name, and the wheel. They
are large (0.9 GB each), so `make test` does without them. The arguments: `check`, then what is passed on to pytest; or
`endurance` or `parked`, then what is passed on to the script of that name in `tests/threads/`. PYTHONS names the
Pythons, all if it is empty; for the scripts 3.12.
"""

import json
import os
import subprocess
import sys

import each_python
import install_wheel
import places
import venvs
from progress import say

REQUIREMENTS = places.REQUIREMENTS / "threads.txt"
TESTS = places.REPOSITORY / "tests" / "threads"


def make(labels):
    """The environments, made where they are not there yet: [{"label", "executable"}]."""
    made = []
    wheel = install_wheel.wheel()
    for python in json.loads(places.PYTHONS_JSON.read_text())["pythons"]:
        if python["label"] not in labels:
            continue
        label = f"{python['label']}-threads"
        executable = venvs.make(label, python, [places.REQUIREMENTS / f"{python['minor']}.txt", REQUIREMENTS])
        made.append({"label": label, "executable": str(executable)})
        install_wheel.install(made[-1], wheel)
    return made


def check(wanted, arguments):
    """Runs the tests of threads with each Python, one after the other: what they try uses all processors itself."""
    failed = []
    for venv in make(wanted):
        run = each_python.Run(
            f"threads, Python {venv['label']}", venv["label"], venv["executable"], arguments or [TESTS]
        )
        status, output = each_python.run_tests(run)
        sys.stdout.buffer.write(output)
        sys.stdout.flush()
        if status != each_python.PASSED:
            failed.append(venv["label"])
    say(f"Pythons: {len(wanted) - len(failed)} of {len(wanted)} all right")
    return 1 if failed else 0


def main(what, *arguments):
    pythons = json.loads(places.PYTHONS_JSON.read_text())["pythons"]
    # Debian's own is one more of a minor that is there.
    minors = [python["label"] for python in pythons if python["label"] == python["minor"]]
    chosen = os.environ.get("PYTHONS", "").split()
    if what == "check":
        os.environ["GLOWPLUG_THREADS"] = os.environ["GLOWPLUG_TESTS"] = "all"
        return check([label for label in minors if not chosen or label in chosen], list(arguments))
    (venv,) = make(chosen or ["3.12"])
    return subprocess.run([venv["executable"], TESTS / f"{what}.py", *arguments]).returncode


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
