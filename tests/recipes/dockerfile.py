"""Follows a Dockerfile's instructions without docker: a stage is a folder, a step runs in a bubblewrap sandbox over
it.

The base images are not there. The sandbox shows this machine's system instead, with the stage's own /tmp, /var
and /opt.
"""

import json
import shutil
from dataclasses import dataclass, field
from pathlib import Path

from dockerfile_parse import DockerfileParser
from processes import run

OWN = ("tmp", "var", "opt")
# Not shown: the kernel's are made anew, and the others are the stage's.
NOT_BOUND = {"proc", "dev", "sys", *OWN}


@dataclass
class Stage:
    """One stage of a build: where it comes from, its files, what is set for the container."""

    image: str
    root: Path
    environment: dict = field(default_factory=dict)
    command: list = field(default_factory=list)

    def sandbox(self, shown):
        """The command that shows the stage's files as /, and `shown` where they are."""
        words = ["bwrap", "--die-with-parent", "--proc", "/proc", "--dev", "/dev"]
        for entry in sorted(Path("/").iterdir()):
            if entry.is_symlink():
                words += ["--symlink", entry.readlink(), entry]
            elif entry.is_dir() and entry.name not in NOT_BOUND:
                words += ["--ro-bind", entry, entry]
        for name in OWN:
            words += ["--bind", self.root / name, f"/{name}"]
        for folder in shown:
            words += ["--ro-bind", folder, folder]
        return words


class Build:
    """A build of the Dockerfile in a context folder, with stages below `folder`."""

    def __init__(self, dockerfile, context, folder, shown=(), **variables):
        self.context, self.folder, self.shown, self.variables = context, folder, shown, variables
        self.stages, self.names = [], {}
        with dockerfile.open("rb") as file:
            for step in DockerfileParser(fileobj=file).structure:
                if step["instruction"] != "COMMENT":
                    getattr(self, step["instruction"].lower())(step["value"])

    @property
    def stage(self):
        """The last stage, which is the image in the end."""
        return self.stages[-1]

    def from_(self, value):
        image, *name = value.split()
        root = self.folder / str(len(self.stages))
        for sub in (*OWN, "var/task"):
            (root / sub).mkdir(parents=True)
        self.stages.append(Stage(image, root))
        if name:
            self.names[name[1]] = self.stage

    def copy(self, value):
        *sources, destination = value.split()
        base = self.context
        if sources[0].startswith("--from="):
            base = self.names[sources.pop(0).removeprefix("--from=")].root
        assert destination.endswith("/"), "a folder, so that it is plain what becomes of it"
        into = self.stage.root / destination.lstrip("/")
        for source in sources:
            found = list(base.glob(source.strip("/")))
            assert found, f"COPY {source}: there is none"
            for path in found:
                if path.is_dir():
                    shutil.copytree(path, into, dirs_exist_ok=True)
                else:
                    into.mkdir(parents=True, exist_ok=True)
                    shutil.copy2(path, into)

    def run(self, value):
        run(*self.stage.sandbox(self.shown), "/bin/sh", "-c", value, **self.variables).succeeded()

    def env(self, value):
        name, _, text = value.partition("=")
        self.stage.environment[name] = text

    def cmd(self, value):
        self.stage.command = json.loads(value)


# `from` is a word of the language.
setattr(Build, "from", Build.from_)
