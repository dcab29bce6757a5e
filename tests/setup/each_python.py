"""Runs the end-to-end tests with every Python that has an environment; arguments go to pytest.

Two Pythons are tested at a time (JOBS says otherwise), each with its output kept whole and printed at its end. A Python
for which no test ran counts as failed; one that could not be had is named at the end.
"""

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor, as_completed

import places
from progress import say, step

SECONDS_AT_MOST = 1500


def run_tests(venv, arguments):
    """Runs pytest under one Python; returns its exit status and what it printed."""
    command = [venv["executable"], "-m", "pytest", "-c", places.REPOSITORY / "tests" / "pytest.ini",
               "-o", f"cache_dir={places.TARGET / 'pytest-cache' / venv['label']}",
               "--basetemp", places.TARGET / "pytest-tmp" / venv["label"],
               *(arguments or [places.REPOSITORY / "tests",
                                  places.REPOSITORY / "snapshotter" / "dumper" / "tests"])]  # fmt: skip
    (places.TARGET / "pytest-tmp").mkdir(exist_ok=True)
    with step(f"tests with Python {venv['label']}"):
        try:
            done = subprocess.run(
                command, cwd=places.REPOSITORY, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT, timeout=SECONDS_AT_MOST, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired as late:
            return 1, (late.stdout or b"") + f"\nended after {SECONDS_AT_MOST} s\n".encode()
    return done.returncode, done.stdout


def main(arguments):
    labels = os.environ.get("PYTHONS", "").split()
    venvs = [v for v in json.loads(places.VENVS_JSON.read_text()) if not v["cds"]]
    # The newest first: to one of them fall the tests that are run with one Python only.
    venvs = [v for v in reversed(venvs) if not labels or v["label"] in labels]
    failed = []
    with ThreadPoolExecutor(int(os.environ.get("JOBS") or 2)) as pool:
        running = {pool.submit(run_tests, venv, arguments): venv["label"] for venv in venvs}
        for finished in as_completed(running):
            status, output = finished.result()
            print(f"\n======== Python {running[finished]} ========", flush=True)
            sys.stdout.buffer.write(output)
            sys.stdout.flush()
            if status != 0:
                failed.append(running[finished])
    for gone in json.loads(places.PYTHONS_JSON.read_text())["skipped"]:
        say(f"Python {gone['label']} was NOT tested: {gone['why']}")
    say(
        f"Pythons: {len(venvs) - len(failed)} of {len(venvs)} all right"
        + (f"; failed: {', '.join(failed)}" if failed else "")
    )
    return 1 if failed or not venvs else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
