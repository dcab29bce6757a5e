"""Building archives with the `glowplug` command, as a user does."""

import json
import shutil
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from processes import PYTHON, glowplug

TESTS = Path(__file__).resolve().parent
FUNCTIONS = TESTS / "functions"
PROGRAMS = TESTS / "programs"

# The functions of `functions/packages`.
PACKAGES = ("requests", "boto3", "pandas", "fastapi", "sqlalchemy", "powertools")


@dataclass
class Snapshot:
    """An archive, and what the snapshot step printed about it."""

    file: Path
    root: Path | None = None
    summary: str = field(default="", repr=False)

    def __fspath__(self):
        return str(self.file)

    def __str__(self):
        return str(self.file)

    @cached_property
    def inspected(self):
        """What `glowplug inspect --json` says."""
        return json.loads(glowplug("inspect", self.file, "--json").silently().out)

    @cached_property
    def manifest(self):
        """The manifest, wherever `inspect --json` puts it."""
        return self.inspected.get("manifest", self.inspected)

    @property
    def left_out(self):
        """Names of modules that are not in the archive, each with its reason."""
        return {entry["name"]: entry["reason"] for entry in self.manifest["left_out"]}

    @property
    def modules(self):
        """Names of the modules with code in the archive."""
        return [module["name"] for module in self.manifest["modules"]]


def snapshot(folder, *arguments, root=None, executable=PYTHON, **options):
    """Builds one archive into `folder`, which must not hold another of that name."""
    folder.mkdir(parents=True, exist_ok=True)
    before = set(folder.glob("*.glow"))
    where = ["--root", root] if root is not None else []
    done = glowplug("snapshot", *arguments, *where, "-o", folder, "--python", executable, **options).succeeded()
    (made,) = set(folder.glob("*.glow")) - before
    return Snapshot(made, root, done.out + done.err)


def copy_of(name, destination):
    """A copy of one of the function directories of the tests, which the tests may change."""
    return Path(shutil.copytree(FUNCTIONS / name, destination, ignore=shutil.ignore_patterns("__pycache__")))


def build(*arguments, **options):
    """What `glowplug snapshot` with the Python under test left, whether it succeeded or not."""
    return glowplug("snapshot", *arguments, "--python", PYTHON, **options)


def left(folder):
    """All files below a folder, hidden ones too."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*")) if folder.exists() else []
