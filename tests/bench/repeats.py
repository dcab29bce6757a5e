"""What `glowplug bench compare` can tell on this machine: `repeats.py [--times N] [--runs N] COMMAND...`.

COMMAND is `glowplug bench` with its options. A function is measured, plain and from its archive, again and again:
each two runs have to be called "no difference" in all but one of twenty cases. Then its init takes 5 % longer where it
starts from the archive, and that has to be found, as often as said. Exit status 1 when it is not so.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

# Only the variants of Glowplug have this variable.
FUNCTION = """import decimal, email.message, json, os, time, urllib.request

if "GLOWPLUG_LOG" in os.environ:
    time.sleep({wait})


def handler(event, context):
    return json.dumps(event)
"""
SLOWER = 0.05


class Machine:
    """Runs the suite, each time into a folder of its own."""

    def __init__(self, command, runs, folder):
        self.command, self.runs, self.folder, self.count = command, runs, folder, 0
        self.function = folder / "function"
        self.function.mkdir()
        (self.function / "event.json").write_text("{}")

    def measure(self, wait):
        """The results file of one run, in which starts from the archive wait so many seconds."""
        self.count += 1
        (self.function / "app.py").write_text(FUNCTION.format(wait=wait))
        output = self.folder / str(self.count)
        variants = ["--variant", "plain", "--variant", "code", "--condition", "warm"]
        options = ["-f", self.function, *variants, "--runs", str(self.runs), "--output", output]
        subprocess.run([*self.command, *options], check=True, capture_output=True)
        return output / "results.json"

    def compare(self, before, after):
        """What became of the starts from the archive."""
        program = self.command[: 2 if self.command[1] == "bench" else 1]
        compared = [*program, "compare", "--json", before, after]
        done = subprocess.run(compared, check=True, capture_output=True)
        (change,) = [change for change in json.loads(done.stdout)["changes"] if change["variant"] == "code"]
        return change


def median(results):
    """The median start from the archive, in seconds."""
    (entry,) = [entry for entry in json.loads(results.read_text())["entries"] if entry["variant"] == "code"]
    (samples,) = [series["samples"] for series in entry["series"] if series["measure"] == "start"]
    return statistics.median(samples) / 1000


def said(change):
    """A change in a few words."""
    ratio = change["ratio"]
    percents = [f"{(ratio[name] - 1) * 100:+.1f} %" for name in ("value", "low", "high")]
    return f"{change['verdict']}: {percents[0]} ({percents[1]} to {percents[2]}), p {change['p']:.2g}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--times", type=int, default=20)
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("command", nargs=argparse.REMAINDER)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        machine = Machine(options.command, options.runs, Path(folder))
        before, same, found = machine.measure(0), 0, 0
        for number in range(options.times):
            after = machine.measure(0)
            change = machine.compare(before, after)
            same += change["verdict"] == "no-difference"
            print(f"the same, {number + 1}: {said(change)}", flush=True)
            before = after
        for number in range(options.times):
            change = machine.compare(before, machine.measure(SLOWER * median(before)))
            found += change["verdict"] == "slower"
            print(f"5 % slower, {number + 1}: {said(change)}", flush=True)
    print(f"no difference in {same} of {options.times}, 5 % found in {found} of {options.times}")
    return 0 if min(same, found) >= options.times * 19 / 20 else 1


if __name__ == "__main__":
    sys.exit(main())
