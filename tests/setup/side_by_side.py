"""Runs `make` several times at once; each argument is one run's targets. Lines appear as they come.

What installs waits for the network, and linking is one thread's work: together they take little longer than the
longer one. When one fails, the others go on to their end.
"""

import os
import subprocess
import sys
import threading

import places
from progress import say, step

# Of the `make` that runs this script: its variables are in the environment, its other options are not meant for these.
NOT_PASSED_ON = ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")


def run(targets, lock, statuses):
    """Runs `make` with some targets, passes its lines on whole, and notes its exit status."""
    environment = {name: value for name, value in os.environ.items() if name not in NOT_PASSED_ON}
    command = ["make", "--no-print-directory", *targets.split()]
    with (
        step(f"make {targets}"),
        subprocess.Popen(
            command, cwd=places.REPOSITORY, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        ) as process,
    ):  # fmt: skip
        for line in process.stdout:
            with lock:
                sys.stdout.buffer.write(line)
                sys.stdout.flush()
    statuses[targets] = process.returncode


def main(runs):
    lock, statuses = threading.Lock(), {}
    threads = [threading.Thread(target=run, args=(targets, lock, statuses)) for targets in runs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    failed = [targets for targets in runs if statuses.get(targets) != 0]
    for targets in failed:
        say(f"make {targets}: FAILED, see above")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
