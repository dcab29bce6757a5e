"""Stands in for `docker run`: runs the container's command here, with the mounts' paths put in their places.

What is in the image is thereby not checked. The image's name is noted in `images` in TMPDIR.
"""

import argparse
import os
import subprocess
import sys
from pathlib import Path


def parse(arguments):
    """The options of `docker run` that CDK uses, the image, and the command."""
    parser = argparse.ArgumentParser()
    parser.add_argument("run", choices=["run"])
    parser.add_argument("--rm", action="store_true")
    parser.add_argument("-u", "--user")
    parser.add_argument("-v", "--volume", action="append", default=[])
    parser.add_argument("-w", "--workdir", required=True)
    parser.add_argument("--platform", choices=["linux/amd64"], required=True)
    parser.add_argument("image")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    return parser.parse_args(arguments)


def main():
    container = parse(sys.argv[1:])
    mounts = dict(reversed(volume.split(":")[:2]) for volume in container.volume)

    def here(text):
        for inside, outside in mounts.items():
            text = text.replace(inside, outside)
        return text

    with Path(os.environ["TMPDIR"], "images").open("a") as images:
        images.write(f"{container.image}\n")
    done = subprocess.run([here(part) for part in container.command], cwd=here(container.workdir), check=False)
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
