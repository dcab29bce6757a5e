"""One virtual environment per interpreter of `target/pythons.json`, with pinned packages.

`target/venvs/<label>/` holds what `tests/requirements/<minor>.txt` names. `target/venvs.json` lists them:
[{"minor", "label", "executable", "cds"}].
With the argument `twins`, `target/venvs/<label>-cds/` holds that and `code-data-share` too, on the minors that it
supports: `make bench-sections` compares the two. Other arguments are labels; without any, all environments are made.
"""

import json
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import installer
import places
import stamp
from progress import say, step

CODE_DATA_SHARE = places.REQUIREMENTS / "code-data-share.txt"
CODE_DATA_SHARE_LABELS = ("3.11", "3.12")
TWINS = "twins"


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
        # Without pip, which is not among what is tested; Debian's Pythons bring no ensurepip either.
        subprocess.run([python["executable"], "-m", "venv", "--without-pip", folder], check=True)
        installer.install(executable, files, "--no-deps")
        installer.compile_all(executable, folder / "lib")
    stamp.write(folder / ".stamp", wanted)
    return executable


def main(arguments):
    pythons = json.loads(places.PYTHONS_JSON.read_text())["pythons"]
    plan = list(planned(pythons))
    if unknown := set(arguments) - {name for name, _, _ in plan} - {TWINS}:
        say(f"no such environment: {', '.join(sorted(unknown))}")
        return 1
    if labels := set(arguments) - {TWINS}:
        plan = [entry for entry in plan if entry[0] in labels]
    elif TWINS not in arguments:
        # A twin that is there already is kept as it has to be.
        plan = [entry for entry in plan if CODE_DATA_SHARE not in entry[2] or (places.VENVS / entry[0]).exists()]
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
