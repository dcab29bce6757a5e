"""Runs cargo for what goes into a wheel."""

import os
import shutil
import subprocess
import sys

# Flags of executables that need no shared library.
STATIC = {"RUSTFLAGS": "-C target-feature=+crt-static"}


def host():
    """The triple that this machine's compiler builds for, such as x86_64-unknown-linux-gnu."""
    report = subprocess.run(["rustc", "-vV"], capture_output=True, text=True, check=True).stdout
    return next(line.split()[1] for line in report.splitlines() if line.startswith("host:"))


def run(arguments, target_folder, environment, profile="release"):
    """Runs cargo on the workspace. Where flags differ but the profile does not, what runs on this machine is shared."""
    command = ["cargo", *arguments, "--locked", "--profile", profile, "--target-dir", target_folder]
    print(f"    {' '.join(map(str, arguments))}", file=sys.stderr, flush=True)
    subprocess.run(command, check=True, env={**os.environ, **environment})


def replace_if_different(source, destination):
    """Copies, but leaves an equal file's time alone, so that cargo does not build the command again for nothing."""
    if not destination.exists() or destination.read_bytes() != source.read_bytes():
        shutil.copy2(source, destination)
