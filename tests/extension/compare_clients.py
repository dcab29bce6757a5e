"""Compares HTTP clients for the extension: size, memory, and time from exec to register.

    python tests/extension/compare_clients.py [--runs 31] [EXTENSION...]

Builds the programs of `extension/clients` (statically, as the extension is) and prints a table; further programs are
measured beside them.
"""

import argparse
import os
import statistics
import subprocess
import sys
from pathlib import Path

import extensions_api

TOP = Path(__file__).resolve().parents[2]
TARGET = TOP / "target" / "extension-clients"
CLIENTS = ("lambda_extension", "ureq", "minreq", "httparse")


def build():
    """The clients' programs."""
    report = subprocess.run(["rustc", "-vV"], capture_output=True, text=True, check=True).stdout
    host = next(line.split()[1] for line in report.splitlines() if line.startswith("host:"))
    command = ["cargo", "build", "--release", "--target", host, "--target-dir", TARGET]
    environment = {**os.environ, "RUSTFLAGS": "-C target-feature=+crt-static"}
    # The lock file is not kept: the newest clients are compared.
    subprocess.run(command, check=True, cwd=TOP / "extension" / "clients", env=environment)
    return [TARGET / host / "release" / name for name in CLIENTS]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=31)
    parser.add_argument("programs", type=Path, nargs="*")
    options = parser.parse_args()
    programs = [*build(), *options.programs]
    found = {program: [] for program in programs}
    for _ in range(options.runs):
        for program in programs:
            started = extensions_api.start(program)
            extensions_api.stop(started)
            found[program].append(started)
    print(f"{'client':<20} {'bytes':>9} {'resident kB':>11} {'exec to register, ms: median':>30} {'p90':>6}")
    for program, starts in found.items():
        times = sorted(started.milliseconds for started in starts)
        resident = statistics.median(started.resident for started in starts) / 1000
        p90 = times[int(len(times) * 0.9)]
        size = program.stat().st_size
        print(f"{program.name:<20} {size:>9} {resident:>11.0f} {statistics.median(times):>30.2f} {p90:>6.2f}")


if __name__ == "__main__":
    sys.exit(main())
