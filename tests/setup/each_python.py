"""Runs the end-to-end tests with every Python that has an environment; arguments go to pytest.

Some runs of pytest go on at a time, the longest first, each with its output kept whole and printed at its end. A
Python for which no test ran counts as failed; one that could not be had is named at the end. With `--recipes` as the
first argument the checks of `layer/recipes` are one more run.
"""

import json
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

import places
from progress import say, step

SECONDS_AT_MOST = 1500
TESTS = places.REPOSITORY / "tests"

# What is about process images, in two parts: no fixture is shared between them, nor with other tests.
ABOUT_IMAGES = (("image",), ("doctor", "renewal", "threads"))

# What the wheel's command has inside: tests of the crates build another.
DUMPER = places.TARGET / "wheel" / "payload" / "_glowplug_dumper.abi3.so"

# Labels of the Pythons with the most tests: those that `conftest.py` leaves some tests to.
MOST_TESTS = ("3.13", "3.14", "3.10")
# Those with which all is tested that is about process images.
ALL_OF_IMAGES = ("3.14", "3.10")

# Runs at a time for each of JOBS: tests wait for disks, timers and each other nearly half of their time.
RUNS_FOR_A_JOB = 2

# Exit statuses of pytest.
PASSED, NONE_RAN = 0, 5


@dataclass
class Run:
    """One run of pytest."""

    name: str
    label: str
    executable: Path
    arguments: list

    @property
    def place(self):
        """The name of the folders that pytest keeps for this run."""
        return re.sub(r"\W+", "-", self.name)


def runs_of(venvs, arguments, with_recipes):
    """For each Python one run with the arguments; some where there are none. Those that take longest first."""
    if arguments:
        runs = [Run(f"Python {v['label']}", v["label"], v["executable"], arguments) for v in venvs]
        return runs + [recipes(arguments)] * with_recipes
    parts = [[TESTS / name for name in part if (TESTS / name).is_dir()] for part in ABOUT_IMAGES]
    about_images = [folder for part in parts for folder in part]

    def images(venv, folders):
        names = ", ".join(folder.name for folder in folders)
        return Run(f"Python {venv['label']}, process images ({names})", venv["label"], venv["executable"], folders)

    longest = [images(v, part) for v in venvs if v["label"] in ALL_OF_IMAGES for part in parts]
    shortest = [images(v, about_images) for v in venvs if v["label"] not in ALL_OF_IMAGES]
    arguments = [
        TESTS,
        places.REPOSITORY / "snapshotter" / "dumper" / "tests",
        *(f"--ignore={each}" for each in about_images),
    ]
    others = [Run(f"Python {v['label']}", v["label"], v["executable"], arguments) for v in venvs]
    most = len(MOST_TESTS)
    return [*longest, *others[:most], *([recipes([])] * with_recipes), *others[most:], *shortest]


def recipes(arguments):
    """The checks of the recipes, which have an environment of their own."""
    return Run("recipes", "recipes", places.RECIPES / "bin" / "python", [TESTS / "recipes", *arguments])


def run_tests(run):
    """Runs pytest; returns its exit status and what it printed."""
    command = [run.executable, "-m", "pytest", "-c", TESTS / "pytest.ini",
               "-o", f"cache_dir={places.TARGET / 'pytest-cache' / run.place}",
               "--basetemp", places.TARGET / "pytest-tmp" / run.place, *run.arguments]  # fmt: skip
    (places.TARGET / "pytest-tmp").mkdir(exist_ok=True)
    with step(f"tests: {run.name}"):
        try:
            done = subprocess.run(
                command, cwd=places.REPOSITORY, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT, env={**os.environ, "GLOWPLUG_DUMPER": str(DUMPER)}, timeout=SECONDS_AT_MOST,
                check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired as late:
            return 1, (late.stdout or b"") + f"\nended after {SECONDS_AT_MOST} s\n".encode()
    return done.returncode, done.stdout


def run_all(runs):
    """Runs them all, some at a time, and prints what they printed; returns their exit statuses by label."""
    statuses = {run.label: [] for run in runs}
    with ThreadPoolExecutor(int(os.environ.get("JOBS") or 2) * RUNS_FOR_A_JOB) as pool:
        running = {pool.submit(run_tests, run): run for run in runs}
        for finished in as_completed(running):
            status, output = finished.result()
            print(f"\n======== {running[finished].name} ========", flush=True)
            sys.stdout.buffer.write(output)
            sys.stdout.flush()
            statuses[running[finished].label].append(status)
    return statuses


def is_right(statuses):
    """Whether the runs of one Python went well: some test ran, and none failed."""
    return PASSED in statuses and set(statuses) <= {PASSED, NONE_RAN}


def main(arguments):
    with_recipes = arguments[:1] == ["--recipes"]
    arguments = arguments[with_recipes:]
    labels = os.environ.get("PYTHONS", "").split()
    venvs = [v for v in json.loads(places.VENVS_JSON.read_text()) if not v["cds"]]
    venvs = [v for v in venvs if not labels or v["label"] in labels]
    venvs.sort(key=lambda venv: MOST_TESTS.index(venv["label"]) if venv["label"] in MOST_TESTS else len(MOST_TESTS))
    statuses = run_all(runs_of(venvs, arguments, with_recipes))
    failed = [label for label, all_of_it in statuses.items() if not is_right(all_of_it)]
    for gone in json.loads(places.PYTHONS_JSON.read_text())["skipped"]:
        say(f"Python {gone['label']} was NOT tested: {gone['why']}")
    say(f"all right: {', '.join(label for label in statuses if label not in failed) or 'none'}")
    if failed:
        say(f"FAILED: {', '.join(failed)}")
    return 1 if failed or not venvs else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
