"""The demo: snapshot a real function, start it plain, from its code archive and from its process image; a table."""

import argparse
import json
import statistics
import subprocess
import sys
from pathlib import Path

from runtime_api import RuntimeApi, StartFailedError

HERE = Path(__file__).resolve().parent
TOP = HERE.parent.parent
OUT = TOP / "target" / "demo"
FUNCTION = HERE / "function"
HANDLER = "service.handler"


def say(text):
    print(f"demo: {text}", file=sys.stderr, flush=True)


def run(command, **options):
    """Runs a step of the set-up; it has said what is wrong where it fails."""
    status = subprocess.run(command, check=False, **options).returncode
    if status:
        sys.exit(f"demo: `glowplug {command[1]}` failed with status {status}")


def choose_python(label):
    """The environment's interpreter and the command installed in it."""
    known = json.loads((TOP / "target" / "pythons.json").read_text("utf-8"))["pythons"]
    labels = [entry["label"] for entry in known]
    if label is None:
        label = "3.12" if "3.12" in labels else labels[0]
    if label not in labels:
        sys.exit(f"demo: there is no Python {label!r} here; there are {', '.join(labels)}")
    folder = TOP / "target" / "venvs" / label / "bin"
    return label, folder / "python", folder / "glowplug"


def environment_for(label):
    """For snapshot and starts alike: an image fits a start only if the variables that init has read are the same."""
    return {
        "AWS_EXECUTION_ENV": f"AWS_Lambda_python{label.partition('-')[0]}",
        "AWS_REGION": "eu-central-1",
        "LAMBDA_TASK_ROOT": str(FUNCTION),
        "LANG": "C.UTF-8",
        "LD_LIBRARY_PATH": "",
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "PYTHONPATH": "",
        "TZ": ":UTC",
    }


def snapshot(python, glowplug, environment):
    """Builds the demo function's archive and its layer: the archive and the wrapper, as the layer has them."""
    OUT.mkdir(parents=True, exist_ok=True)
    for old in (*OUT.glob("*.glow"), *OUT.glob("opt/glowplug/*.glow")):
        old.unlink()
    variables = [f"--env={name}={value}" for name, value in environment.items()]
    # Without isolation: the starts below find the function's directory where it is, not at /var/task.
    what = [HANDLER, "--root", FUNCTION, "--image", "--isolation", "none", "--event", HERE / "event.json", *variables]
    where = ["--name", "demo", "--python", python, "-o", OUT]
    run([glowplug, "snapshot", *what, *where], stdout=sys.stderr)
    (archive,) = OUT.glob("demo.*.glow")
    run([glowplug, "layer", "--archive", archive, "--dir", OUT / "opt"], stdout=subprocess.DEVNULL)
    layer = OUT / "opt" / "glowplug"
    return layer / archive.name, layer / "exec"


def variants(python, environment, archive, wrapper):
    """By rung: command and environment."""
    command = [python, "-m", "awslambdaric", HANDLER]
    with_archive = {**environment, "GLOWPLUG_ARCHIVE": str(archive)}
    return {
        "plain": (command, environment),
        "code": ([wrapper, *command], {**with_archive, "GLOWPLUG_MODE": "code"}),
        "image": ([wrapper, *command], with_archive),
    }


def measure(kinds, runs):
    """Starts each kind in turn: times by kind, and the response, which has to be the same."""
    api = RuntimeApi()
    events = [json.loads((HERE / "event.json").read_text("utf-8")), {"ask": "rung"}]
    times = {name: [] for name in kinds}
    expected = None
    for number in range(-1, runs):
        say(f"start {number + 1} of {runs}, each kind" if number >= 0 else "warming up")
        for name, (command, environment) in kinds.items():
            elapsed, (response, rung) = api.start(command, FUNCTION, environment, events)
            if rung != name:
                sys.exit(f"demo: a start that was to be {name} was {rung}; the line above says why")
            if response != (expected := expected or response):
                sys.exit(f"demo: the responses differ: {expected}, {name}: {response}")
            if number >= 0:
                times[name].append(elapsed)
    return times, expected


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--python", metavar="LABEL", help="which Python (default: 3.12)")
    parser.add_argument("--glowplug", metavar="COMMAND", help="which glowplug (default: that of the Python)")
    parser.add_argument("--runs", type=int, default=15, help="starts of each kind, at least 10 (default: 15)")
    options = parser.parse_args()
    label, python, command = choose_python(options.python)
    say(f"snapshotting the demo function for Python {label}")
    environment = environment_for(label)
    kinds = variants(python, environment, *snapshot(python, options.glowplug or command, environment))
    try:
        times, response = measure(kinds, max(options.runs, 10))
    except StartFailedError as error:
        sys.exit(f"demo: a start failed: {error}")

    plain = statistics.median(times["plain"])
    print(
        f"\nPython {label}, exec to first response (awslambdaric), page cache warm, {len(times['plain'])} starts each"
    )
    print(f"response: {json.dumps(response)}\n")
    print(f"{'rung':6} {'median':>10} {'p90':>10} {'ratio':>7}")
    for name, samples in times.items():
        median = statistics.median(samples)
        p90 = statistics.quantiles(samples, n=10)[-1]
        print(f"{name:6} {median:7.1f} ms {p90:7.1f} ms {plain / median:6.1f}x")


if __name__ == "__main__":
    main()
