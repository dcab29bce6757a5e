"""Measures cold starts with and without the extension, on storage as slow as Lambda's: as root, in the local sandbox.

    python cold_start.py --glowplug GLOWPLUG [--python PYTHON] [--image] [--unlimited] [boto3] [pandas]

Takes a snapshot of each function of `tests/functions/packages` that is named, makes a layer, and starts the function in
`glowplug invoke`, with awslambdaric, the variants interleaved:

    warm       with the layer, extension included; the page cache as it is
    extension  the same with a cold page cache: exactly the files that the start reads are evicted, and reads limited
    without    cold, from the archive, but nothing is read ahead (GLOWPLUG_PREFETCH=off)
    plain      cold, without the layer

Prints medians of the time from the first process's exec to the first response, their ratio to `warm`, what was read and
what could not be evicted; and the time that reading alone takes at that speed, which no start can undercut.
"""

import argparse
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
FUNCTIONS = TOP / "tests" / "functions" / "packages"
# What the runtime client imports by itself, in that order, before the handler: see docs/sandbox.md.
RUNTIME = "runpy,awslambdaric.__main__,awslambdaric.lambda_literals,concurrent.futures.thread"


ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "not-a-secret",
    "AWS_DEFAULT_REGION": "eu-central-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}


class Function:
    """A snapshotted function and its layer."""

    def __init__(self, name, options, folder):
        self.options = options
        self.name = f"{name}_function.handler"
        self.event = FUNCTIONS / f"{name}_event.json"
        self.opt = folder / name
        archives = folder / f"{name}-archive"
        image = ["--image"] if options.image else []
        self.run("snapshot", self.name, "--import", RUNTIME, *image, *self.target(), "-o", archives)
        self.run("layer", "--dir", self.opt, "--archive", *archives.glob("*.glow"))

    def target(self):
        environment = [part for name, value in ENVIRONMENT.items() for part in ("--env", f"{name}={value}")]
        return ["--root", FUNCTIONS, "--event", self.event, "--python", self.options.python, *environment]

    def run(self, *arguments):
        done = subprocess.run([self.options.glowplug, *arguments], stdout=subprocess.PIPE, check=True)
        return done.stdout

    def start(self, *arguments, layer=True):
        """One start; what the sandbox says of it."""
        where = ["--layer", self.opt] if layer else ["--no-layer"]
        memory = ["--memory", str(self.options.memory)]
        said = json.loads(self.run("invoke", self.name, *self.target(), *where, *memory, "--json", *arguments))
        (moment,) = [m["at"] for m in said["outcome"]["timeline"] if m["what"] == "first response"]
        evicted = said["evicted"] or {"bytes": 0, "left": 0}
        return {"ms": moment, "storage": said["storage"], "log": said["outcome"]["extension_log"], **evicted}


@contextlib.contextmanager
def read_ahead(folder, kilobytes):
    """Has the kernel read so far around a page fault; the machine's own setting where `kilobytes` is None."""
    if kilobytes is None:
        yield
        return
    device = folder.stat().st_dev
    file = Path(f"/sys/dev/block/{os.major(device)}:{os.minor(device)}/queue/read_ahead_kb")
    before = file.read_text()
    file.write_text(str(kilobytes))
    try:
        yield
    finally:
        file.write_text(before)


def measure(name, options, folder):
    function = Function(name, options, folder)
    cold = ["--cold"] if options.unlimited else ["--cold", "--storage", f"{options.megabytes}:{options.requests}"]
    variants = {
        "warm": ([], True),
        "extension": (cold, True),
        "without": ([*cold, "--env", "GLOWPLUG_PREFETCH=off"], True),
        "plain": (cold, False),
    }
    found = {variant: [] for variant in variants}
    for _ in range(options.runs):
        # After a cold start some of what a warm one reads is missing; most of an image's archive always is.
        for archive in function.opt.glob("glowplug/*.glow"):
            archive.read_bytes()
        function.start()
        for variant, (arguments, layer) in variants.items():
            with read_ahead(folder, options.read_ahead):
                found[variant].append(function.start(*arguments, layer=layer))
    median = {variant: statistics.median(start["ms"] for start in starts) for variant, starts in found.items()}
    storage = "storage as it is" if options.unlimited else f"{options.megabytes} MB/s, {options.requests} requests/s"
    print(f"{name}, {storage}, {options.runs} starts each")
    for variant, starts in found.items():
        times = [start["ms"] for start in starts]
        line = f"  {variant:<10} {median[variant]:7.0f} ms  {median[variant] / median['warm']:5.2f}x  "
        line += f"({min(times):.0f} to {max(times):.0f})"
        if starts[0]["storage"]:
            read, requests = (
                statistics.median(start["storage"][key] for start in starts) for key in ("bytes", "requests")
            )
            alone = 1000 * max(read / options.megabytes / 1e6, requests / options.requests)
            line += f"  read {read / 1e6:.1f} MB in {requests:.0f} requests: {alone:.0f} ms by themselves"
            line += f", {alone / median['warm']:.2f}x;"
            line += f" {statistics.median(start['left'] for start in starts) / 1e6:.1f} MB not evicted"
        print(line)
    print(f"  {found['extension'][-1]['log'].strip()}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("functions", nargs="*", default=["boto3", "pandas"])
    parser.add_argument("--glowplug", type=Path, required=True)
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--runs", type=int, default=9)
    parser.add_argument("--memory", type=int, default=1024)
    parser.add_argument("--megabytes", type=int, default=100, help="bytes a second that storage gives, in MB")
    parser.add_argument("--requests", type=int, default=500, help="requests a second that storage takes")
    parser.add_argument("--image", action="store_true", help="archives with a process image")
    parser.add_argument("--unlimited", action="store_true", help="storage as fast as it is here")
    parser.add_argument("--read-ahead", type=int, help="kB that the kernel reads around a page fault; on Linux 128")
    options = parser.parse_args()
    (TOP / "target").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=TOP / "target") as folder:
        for name in options.functions:
            measure(name, options, Path(folder))


if __name__ == "__main__":
    main()
