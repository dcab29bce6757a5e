"""Running commands and Python programs in clean environments."""

import difflib
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

PYTHON = Path(sys.executable)
COMMAND = Path(sys.prefix) / "bin" / "glowplug"

# Variables of the shell that runs the tests must not reach the programs.
UNWANTED = ("GLOWPLUG_", "PYTHON", "AWS_", "LAMBDA_", "POWERTOOLS_")

AWS = {
    "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "not-a-secret",
    "AWS_DEFAULT_REGION": "eu-central-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}

# The function that most tests start, and its answer.
ANSWER = "import stall; print(stall.handler({}, None))"

# Where a module came from: put before programs that ask.
CAME_FROM = """
import sys
def came_from(name):
    return type(sys.modules[name].__spec__.loader).__name__
"""


@dataclass
class Finished:
    """What a process left: its exit status and its output as text."""

    status: int
    out: str
    err: str

    @property
    def lines(self):
        """The lines on stderr that are Glowplug's."""
        return [line for line in self.err.splitlines() if line.startswith("glowplug: ")]

    def succeeded(self):
        """This, after making sure that the status is 0."""
        assert self.status == 0, f"status {self.status}\n{self.out}\n{self.err}"
        return self

    def silently(self):
        """This, after making sure that the status is 0 and nothing is on stderr."""
        self.succeeded()
        assert self.err == ""
        return self


def environment(**variables):
    """The environment of the tests without what configures Python or Glowplug, and with `variables`."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(UNWANTED)}
    return {**kept, **AWS, **{name: str(value) for name, value in variables.items() if value is not None}}


def run(*command, cwd=None, stdin="", timeout=180, before_exec=None, **variables):
    """Runs a command to its end."""
    done = subprocess.run(
        [os.fspath(part) for part in command],
        cwd=cwd,
        env=environment(**variables),
        input=stdin,
        capture_output=True,
        encoding="utf-8",
        errors="surrogateescape",
        timeout=timeout,
        preexec_fn=before_exec,
        check=False,
    )
    return Finished(done.returncode, done.stdout, done.stderr)


def python(*arguments, archive=None, executable=PYTHON, **options):
    """Runs the Python under test; with `archive` it starts from that archive, through the wheel's `.pth` file."""
    return run(executable, *arguments, GLOWPLUG_ARCHIVE=archive, **options)


def glowplug(*arguments, **options):
    """Runs the `glowplug` command of the environment under test."""
    return run(COMMAND, *arguments, **options)


def plain_and_served(archive, *arguments, **options):
    """Runs a program without and with an archive (which it must not fall back from), and compares all that it printed.

    Returns what the second run left.
    """
    plain = python(*arguments, **options)
    served = python(*arguments, archive=archive, GLOWPLUG_STRICT=1, **options)
    same(served, plain)
    return served


def same(served, plain):
    """Makes sure that two processes printed the same and ended alike."""
    for what in ("out", "err"):
        found, wanted = (getattr(each, what).splitlines() for each in (served, plain))
        difference = "\n".join(difflib.unified_diff(wanted, found, "plain", "served", lineterm="", n=1))
        assert found == wanted, f"{what}:\n{difference[:4000]}"
    assert served.status == plain.status


def served(archive, program, *options, **environment):
    """What a program prints that must not fall back and not write to stderr. It may ask where a module `came_from`."""
    options = (*options, "-c", CAME_FROM + program)
    return python(*options, archive=archive, GLOWPLUG_STRICT=1, **environment).silently().out
