"""One virtual environment per interpreter of `target/pythons.json`, with pinned packages.

`target/venvs/<label>/` holds what `tests/requirements/<minor>.txt` names. On the minors that `code-data-share`
supports, `target/venvs/<label>-cds/` holds that too. `target/venvs.json` lists them:
[{"minor", "label", "executable", "cds"}].
Arguments are labels; without any, all environments are made.
"""

import json
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import places
import stamp
from progress import say, step

CODE_DATA_SHARE = places.REQUIREMENTS / "code-data-share.txt"
CODE_DATA_SHARE_LABELS = ("3.11", "3.12")


def planned(pythons):
    """Each environment to make: its name, its interpreter and its requirement files."""
    for python in pythons:
        files = [places.REQUIREMENTS / f"{python['minor']}.txt"]
        yield python["label"], python, files
        if python["label"] in CODE_DATA_SHARE_LABELS:
            yield f"{python['label']}-cds", python, [*files, CODE_DATA_SHARE]


def version(executable):
    """What tells one build of an interpreter from another."""
    return subprocess.run([executable, "-VV"], capture_output=True, text=True, check=True).stdout


def make(name, python, files):
    """Makes one environment unless it is up to date; returns its Python."""
    folder = places.VENVS / name
    wanted = stamp.digest(python["executable"], version(python["executable"]), folder, files=files)
    executable = folder / "bin" / "python"
    if stamp.is_current(folder / ".stamp", wanted):
        say(f"environment {name}: up to date")
        return executable
    with step(f"environment {name}: installing {' and '.join(file.name for file in files)}"):
        shutil.rmtree(folder, ignore_errors=True)
        # The tools' pip fills it: Debian's Pythons bring no ensurepip, and pip is not among what is tested.
        subprocess.run([python["executable"], "-m", "venv", "--without-pip", folder], check=True)
        command = [places.TOOLS / "bin" / "python", "-m", "pip", "--python", executable, "install", "--quiet",
                   "--disable-pip-version-check", "--no-deps", "--only-binary", ":all:"]  # fmt: skip
        for file in files:
            command += ["--requirement", file]
        subprocess.run(command, check=True)
    stamp.write(folder / ".stamp", wanted)
    return executable


def main(labels):
    pythons = json.loads(places.PYTHONS_JSON.read_text())["pythons"]
    plan = [entry for entry in planned(pythons) if not labels or entry[0] in labels]
    if unknown := set(labels) - {name for name, _, _ in plan}:
        say(f"no such environment: {', '.join(sorted(unknown))}")
        return 1
    with ThreadPoolExecutor(int(os.environ.get("JOBS") or 2)) as pool:
        executables = list(pool.map(lambda entry: make(*entry), plan))
    made = [
        {"minor": python["minor"], "label": name, "executable": str(executable), "cds": name != python["label"]}
        for (name, python, _), executable in zip(plan, executables, strict=True)
    ]
    if not labels:
        places.VENVS_JSON.write_text(json.dumps(made, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
