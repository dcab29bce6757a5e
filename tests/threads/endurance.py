"""Restores images with threads again and again, and counts: `endurance.py [--rounds 200] [--cycles 100] [NAME ...]`.

For each workload of `programs/workloads/` (or those that are named): ROUNDS restores and as many plain starts in turns,
with the interpreter's own exit, on which some libraries abort now and then by themselves, and the median times.
Then ROUNDS times six restores at once; as nobody, in a namespace of process ids and on one processor; and CYCLES
snapshots, each with a restore, of threads in motion. Takes an hour or two.
"""

import argparse
import collections
import concurrent.futures
import json
import os
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path += [str(HERE), str(HERE.parent), str(HERE.parent / "image")]

import images  # noqa: E402
from bucket import Bucket  # noqa: E402
from test_workloads import CHOSEN, LIBRARIES, PYTHON  # noqa: E402

AT_ONCE = 6
# No start takes as long, not with six at once on a loaded machine either.
HANG = 60
# It asks a server of this process.
TRANSFER = "boto3_transfer"
NOBODY = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--no-new-privs")
PLACES = {
    "as nobody": (NOBODY, True),
    "in a namespace of process ids": (("unshare", "--pid", "--fork", "--mount-proc"), True),
    "on one processor": (("taskset", "--cpu-list", "0"), False),
}


class Counts:
    """What became of some starts."""

    def __init__(self):
        self.starts = 0
        self.failures = collections.Counter()
        self.times = []

    def start(self, image, wanted, **options):
        """Starts once; a failure is a hang, a status, words on stderr, or another answer."""
        self.starts += 1
        begun = time.perf_counter()
        try:
            done = image.start(timeout=HANG, **options)
        except subprocess.TimeoutExpired:
            self.failures["hang"] += 1
            return
        self.times.append(time.perf_counter() - begun)
        if done.out != wanted:
            self.failures[f"said {done.out[-200:]!r}, status {done.status}: {done.err.strip()[-300:]}"] += 1
        elif done.status != 0 or done.err:
            # The work is done: this is the way out.
            self.failures[f"at exit, status {done.status}: {done.err.strip()[-120:]}"] += 1

    def tell(self, what):
        """Prints it; returns the number of failures."""
        self.times.sort()
        median = f"median {self.times[len(self.times) // 2] * 1e3:.1f} ms, " if self.times else ""
        slowest = f"slowest {self.times[-1] * 1e3:.0f} ms" if self.times else ""
        print(f"{what}: {self.starts} starts, {self.failures.total()} failures; {median}{slowest}", flush=True)
        for words, count in self.failures.most_common():
            print(f"  {count}x {words}", flush=True)
        return self.failures.total()

    @property
    def median(self):
        return sorted(self.times)[len(self.times) // 2]


class Workload:
    """An image of a workload with its arguments, and what starts of it say."""

    def __init__(self, workshop, name, *arguments, leave=False):
        self.name = name.partition(",")[0].rstrip("_")
        given = LIBRARIES.get(name, (None, {}))[1]
        options = [part for pair in given.items() for part in ("--env", "=".join(pair))]
        end = ("leave",) if leave else ()
        self.image = workshop.take(f"{self.name}{'-leave' * leave}", "work.py", name, *arguments, *end, options=options)
        self.image.archive.chmod(0o644)
        self.variables = given
        plain = self.image.start(variables={**given, "GLOWPLUG_MODE": "off"})
        self.plain = plain.out
        self.restored = plain.out.replace('"rung": "plain"', '"rung": "image"')

    def start(self, counts, **options):
        counts.start(self.image, self.restored, variables=self.variables, **options)

    def start_plain(self, counts):
        counts.start(self.image, self.plain, variables={**self.variables, "GLOWPLUG_MODE": "off"})


def one_after_the_other(workload, rounds):
    """Restores and plain starts in turns."""
    restored, plain = Counts(), Counts()
    for _ in range(rounds):
        workload.start(restored)
        workload.start_plain(plain)
    failures = restored.tell(f"{workload.name}, restored")
    plain.tell(f"{workload.name}, plain")
    print(f"  plain takes {plain.median / restored.median:.1f} times as long, from exec to exit", flush=True)
    return failures - min(failures, plain.failures.total())


def at_once(workload, rounds):
    counts = Counts()
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        for _ in range(rounds):
            list(pool.map(lambda _: workload.start(counts), range(AT_ONCE)))
    return counts.tell(f"{workload.name}, {AT_ONCE} at once")


def elsewhere(workload, rounds):
    failures = 0
    for place, (prefix, privileged) in PLACES.items():
        if privileged and not images.is_root:
            print(f"{workload.name}, {place}: NOT tried, that needs root", flush=True)
            continue
        counts = Counts()
        for _ in range(rounds):
            workload.start(counts, prefix=prefix)
        failures += counts.tell(f"{workload.name}, {place}")
    return failures


def in_motion(workshop, cycles):
    """Snapshots of threads in motion, each restored."""
    failures, counts = collections.Counter(), Counts()
    wanted = json.dumps({"rung": "image", "stuck": [], "sum": 4000}) + "\n"
    for number in range(cycles):
        try:
            image = workshop.take(f"motion-{number}", "motion.py")
        except (AssertionError, subprocess.TimeoutExpired) as error:
            failures[str(error).strip()[-300:]] += 1
            continue
        counts.start(image, wanted)
        image.archive.unlink()
    print(f"threads in motion: {cycles} snapshots, {failures.total()} failures", flush=True)
    for words, count in failures.most_common():
        print(f"  {count}x {words}", flush=True)
    return failures.total() + counts.tell("threads in motion, restored")


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition(":")[0])
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--cycles", type=int, default=100)
    parser.add_argument("names", nargs="*", default=[PYTHON, TRANSFER, *CHOSEN])
    given = parser.parse_args()
    workshop, bad = images.Workshop(HERE / "programs"), 0
    bucket = Bucket()
    try:
        for name in given.names:
            arguments = [bucket.url] if name == TRANSFER else []
            workload = Workload(workshop, name, *arguments)
            bad += one_after_the_other(workload, given.rounds)
            # Without the way out: what others fail at by themselves is counted above.
            workload = Workload(workshop, name, *arguments, leave=True)
            bad += at_once(workload, given.rounds)
            bad += elsewhere(workload, given.rounds)
        bad += in_motion(workshop, given.cycles)
    finally:
        bucket.shutdown()
        bucket.server_close()
        workshop.remove()
    print(f"failures that plain starts do not have: {bad}", flush=True)
    return 1 if bad else 0


if __name__ == "__main__":
    os.environ.setdefault("PYTHONDONTWRITEBYTECODE", "1")
    sys.exit(main())
