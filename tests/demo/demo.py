"""The demo: snapshot a real function, start it plain and from the archive, print a table."""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
TOP = HERE.parent.parent
OUT = TOP / "target" / "demo"


def say(text):
    print(f"demo: {text}", file=sys.stderr, flush=True)


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


def snapshot(python, command):
    """Builds the archive of the demo function; its path."""
    OUT.mkdir(parents=True, exist_ok=True)
    for old in OUT.glob("*.glow"):
        old.unlink()
    what = ["app.handler", "--root", HERE / "function", "--event", HERE / "event.json", "--name", "demo"]
    subprocess.run([command, "snapshot", *what, "--python", python, "-o", OUT], check=True, stdout=sys.stderr)
    (archive,) = OUT.glob("demo.*.glow")
    return archive


def start(python, environment):
    """One cold start: milliseconds from exec to the first response, the response, the rung."""
    command = [python, HERE / "first_response.py", "app.handler", HERE / "event.json"]
    begin = time.perf_counter()
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, text=True)
    response = process.stdout.readline()
    elapsed = (time.perf_counter() - begin) * 1000
    rung, _ = process.communicate("\n")
    if process.returncode:
        sys.exit(f"demo: a start failed with status {process.returncode}")
    return elapsed, json.loads(response), rung.strip()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--python", metavar="LABEL", help="which Python (default: 3.12)")
    parser.add_argument("--runs", type=int, default=15, help="starts of each kind (default: 15)")
    options = parser.parse_args()
    label, python, command = choose_python(options.python)
    say(f"snapshotting the demo function for Python {label}")
    archive = snapshot(python, command)

    base = {k: v for k, v in os.environ.items() if not k.startswith("GLOWPLUG")}
    base["PYTHONPATH"] = str(HERE / "function")
    variants = {"plain": base, "code": {**base, "GLOWPLUG_ARCHIVE": str(archive)}}
    times = {name: [] for name in variants}
    rungs, responses = {}, {}
    for run in range(-1, max(options.runs, 10)):
        say(f"start {run + 1} of {max(options.runs, 10)}, each kind" if run >= 0 else "warming up")
        for name, environment in variants.items():
            elapsed, responses[name], rungs[name] = start(python, environment)
            if run >= 0:
                times[name].append(elapsed)
    if responses["plain"] != responses["code"]:
        sys.exit(f"demo: the responses differ: {responses}")

    plain = statistics.median(times["plain"])
    print(f"\nPython {label}, exec to first response, page cache warm, {len(times['plain'])} starts each")
    print(f"response: {json.dumps(responses['code'])}\n")
    print(f"{'start':8} {'rung':6} {'median':>10} {'p90':>10} {'ratio':>7}")
    for name, samples in times.items():
        median = statistics.median(samples)
        p90 = statistics.quantiles(samples, n=10)[-1]
        print(f"{name:8} {rungs[name]:6} {median:7.1f} ms {p90:7.1f} ms {plain / median:6.2f}x")


if __name__ == "__main__":
    main()
