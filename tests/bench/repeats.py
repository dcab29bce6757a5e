"""What `glowplug bench compare` can tell on this machine: `repeats.py [--times N] [--runs N] COMMAND...`.

COMMAND is `glowplug bench` with its options. One long run starts a function plain, from its archive, and from its
archive with an init that takes 5 % longer, in turns. The rounds are cut into stretches, each the results of a run:

- each two that follow each other have to be called "no difference" in 19 of 20 cases;
- the 5 % have to be found between the starts from the archive in the rounds of even number, and the slower ones in the
  others. In how many of the pairs of stretches they are found too is said, and depends on the machine's noise.

Exit status 1 when it is not so.
"""

import argparse
import copy
import itertools
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

FUNCTION = """import decimal, email.message, json, os, time, urllib.request

until = time.perf_counter() + int(os.environ.get("GLOWPLUG_BENCH_BUSY", "0")) / 1e6
while time.perf_counter() < until:
    pass


def handler(event, context):
    return json.dumps(event)
"""
SLOWER = 0.05
# Runs that tell how long 5 % are.
TRIAL = 20


class Machine:
    """Runs the suite and compares what it measured."""

    def __init__(self, command, folder):
        self.command, self.folder = command, folder
        self.function = folder / "function"
        self.function.mkdir()
        (self.function / "app.py").write_text(FUNCTION)
        (self.function / "event.json").write_text("{}")

    def measure(self, runs, busy=None):
        """The results of a run; `busy` is how long, in seconds, slower starts wait."""
        variants = ("plain", "code") if busy is None else ("plain", "code", "injected")
        asked = [word for name in variants for word in ("--variant", name)]
        output = self.folder / "report"
        options = ["-f", self.function, *asked, "--condition", "warm", "--runs", str(runs), "--output", output]
        environment = os.environ if busy is None else os.environ | {"GLOWPLUG_BENCH_BUSY": str(round(busy * 1e6))}
        subprocess.run([*self.command, *options], check=True, stdout=subprocess.DEVNULL, env=environment)
        results = json.loads((output / "results.json").read_text())
        for variant in variants:
            starts(results, variant)
        return results

    def compare(self, before, after):
        """What became of the starts from the archive."""
        files = []
        for name, results in (("before", before), ("after", after)):
            files.append(self.folder / f"{name}.json")
            files[-1].write_text(json.dumps(results))
        program = self.command[: 2 if self.command[1] == "bench" else 1]
        done = subprocess.run([*program, "compare", "--json", *files], check=True, capture_output=True)
        (change,) = [change for change in json.loads(done.stdout)["changes"] if change["variant"] == "code"]
        return change


def starts(results, variant):
    """The starts of a variant, in milliseconds."""
    (entry,) = [entry for entry in results["entries"] if entry["variant"] == variant]
    if "void" in entry:
        sys.exit(f"{variant} is void: {entry['void']}")
    (samples,) = [series["samples"] for series in entry["series"] if series["measure"] == "start"]
    return samples


def run_of(results, variant, rounds):
    """Results of plain Python and the archive, as if only `rounds`, a slice, had been measured."""
    part = copy.deepcopy(results)
    part["entries"] = [entry for entry in part["entries"] if entry["variant"] in ("plain", variant)]
    for entry in part["entries"]:
        entry["series"] = [
            {**series, "samples": series["samples"][rounds]}
            for series in entry["series"]
            if series["measure"] == "start"
        ]
        if entry["variant"] != "plain":
            entry["variant"] = "code"
    return part


def said(change):
    """A change in a few words."""
    ratio = change["ratio"]
    percents = [f"{(ratio[name] - 1) * 100:+.1f} %" for name in ("value", "low", "high")]
    return f"{change['verdict']}: {percents[0]} ({percents[1]} to {percents[2]}), p {change['p']:.2g}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--times", type=int, default=20, help="how many pairs of runs")
    parser.add_argument("--runs", type=int, default=60, help="starts of each variant in a run")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        machine = Machine(options.command, Path(folder))
        busy = SLOWER * statistics.median(starts(machine.measure(TRIAL), "code")) / 1000
        rounds, began = (options.times + 1) * options.runs, time.monotonic()
        print(f"{rounds} rounds of three starts; 5 % are {busy * 1e3:.1f} ms", flush=True)
        results = machine.measure(rounds, busy)
        print(f"measured in {(time.monotonic() - began) / 60:.1f} minutes", flush=True)
        same = found = 0
        stretches = [slice(first, first + options.runs) for first in range(0, rounds, options.runs)]
        for number, (before, after) in enumerate(itertools.pairwise(stretches), 1):
            change = machine.compare(run_of(results, "code", before), run_of(results, "code", after))
            same += change["verdict"] == "no-difference"
            print(f"the same, {number}: {said(change)}", flush=True)
            change = machine.compare(run_of(results, "code", before), run_of(results, "injected", after))
            found += change["verdict"] == "slower"
        even, odd = slice(0, None, 2), slice(1, None, 2)
        whole = machine.compare(run_of(results, "code", even), run_of(results, "injected", odd))
    print(f"5 % slower, {rounds // 2} rounds each: {said(whole)}")
    print(f"no difference in {same} of {options.times}; 5 % found, and in {found} of {options.times} short runs too"
          if whole["verdict"] == "slower" else
          f"no difference in {same} of {options.times}; 5 % NOT found")  # fmt: skip
    return 0 if same >= options.times * 19 / 20 and whole["verdict"] == "slower" else 1


if __name__ == "__main__":
    sys.exit(main())
