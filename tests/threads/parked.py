"""What parked threads add to a restore: `parked.py [--rounds 300] [--strict]`.

Images of a program with 0, 8 and 64 threads are started in turns; from exec to the first byte that is written behind
the snapshot point. Prints medians and the medians of the differences within a round. Status 1 with `--strict` if eight
threads add more than half a millisecond.
"""

import argparse
import os
import random
import statistics
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path += [str(HERE.parent), str(HERE.parent / "image")]

import images  # noqa: E402

COUNTS = (0, 8, 64)
BAR = 0.5  # ms, for eight threads
WARM_UPS = 5


def restore(image):
    """Milliseconds from exec until the restored process has written its byte."""
    command = [image.wrapper, *image.program]
    variables = {**image.variables, "GLOWPLUG_ARCHIVE": str(image.archive)}
    begun = time.perf_counter()
    with subprocess.Popen(command, cwd=image.folder, env=variables, stdout=subprocess.PIPE) as process:
        said = os.read(process.stdout.fileno(), 16)
        taken = time.perf_counter() - begun
    if (said, process.returncode) != (b".", 0):
        sys.exit(f"said {said!r}, status {process.returncode}: not restored as it was")
    return taken * 1e3


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition(":")[0])
    parser.add_argument("--rounds", type=int, default=300)
    parser.add_argument("--strict", action="store_true")
    given = parser.parse_args()
    workshop = images.Workshop(HERE / "programs")
    try:
        taken = {count: workshop.take(f"parked-{count}", "parked.py", count) for count in COUNTS}
        times = {count: [] for count in COUNTS}
        for number in range(WARM_UPS + given.rounds):
            for count in random.sample(COUNTS, len(COUNTS)):
                milliseconds = restore(taken[count])
                if number >= WARM_UPS:
                    times[count].append(milliseconds)
    finally:
        workshop.remove()
    added = {}
    for count in COUNTS:
        added[count] = statistics.median(with_ - without for with_, without in zip(times[count], times[0], strict=True))
        print(f"{count:2} threads: median {statistics.median(times[count]):.2f} ms, {added[count]:+.2f} ms")
    met = added[8] <= BAR
    print(f"8 threads add at most {BAR} ms: {'met' if met else 'missed'}")
    return 1 if given.strict and not met else 0


if __name__ == "__main__":
    os.environ.setdefault("PYTHONDONTWRITEBYTECODE", "1")
    sys.exit(main())
