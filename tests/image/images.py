"""Taking process images with the `glowplug` command, and starting from them through the wrapper.

An image is for one command, folder and environment. So nothing here comes from the shell that runs the tests.
"""

import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from image_section import ImageFile
from processes import COMMAND, PYTHON, Finished

PROGRAMS = Path(__file__).parent / "programs"

NOT_USED = ": the process image is not used: "

# How many times longer than usual anything may take: in an emulated machine.
SLOWNESS = int(os.environ.get("GLOWPLUG_TESTS_SLOWNESS", "1"))

is_root = os.geteuid() == 0
needs_root = pytest.mark.skipif(not is_root, reason="needs root: namespaces, mounts or another user")


@dataclass
class Image:
    """An archive with the image of `program`, which is started in `folder`."""

    archive: Path
    program: tuple
    folder: Path
    wrapper: Path
    variables: dict
    summary: str = field(repr=False)

    def start(self, *arguments, prefix=(), archive=None, program=None, folder=None, **options):
        """Starts the command as a cold start does, below the commands of `prefix`.

        `arguments` take the place of the program's own; further `options` are for `run`.
        """
        command = [*prefix, self.wrapper, *(program or self.program)[:2], *(arguments or (program or self.program)[2:])]
        variables = {**self.variables, "GLOWPLUG_ARCHIVE": archive or self.archive, **options.pop("variables", {})}
        return run(command, folder or self.folder, variables, **options)

    def restored(self, *arguments, **options):
        """The same, after making sure that it went well and nothing was on stderr."""
        return self.start(*arguments, **options).silently()


class Workshop:
    """A folder that other users may read, with the wrapper and the programs of these tests."""

    def __init__(self, programs=PROGRAMS):
        # Not below pytest's folders, which are closed to others.
        self.folder = Path(tempfile.mkdtemp(prefix="glowplug-images-", dir="/tmp"))
        self.folder.chmod(0o755)
        self.variables = {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "HOME": str(self.folder),
            "LANG": "C.UTF-8",
        }
        self.programs = Path(shutil.copytree(programs, self.folder / "programs", ignore=lambda *_: {"__pycache__"}))
        run([COMMAND, "layer", "--dir", self.folder / "opt"], self.folder, self.variables).succeeded()
        self.wrapper = self.folder / "opt" / "glowplug" / "exec"
        self.images = {}

    def take(self, name, *program, options=(), variables=None, python=PYTHON, prefix=()):
        """Takes an image of `program`: a file of `programs/` and its arguments; below the commands of `prefix`."""
        file, *arguments = program or (f"{name}.py",)
        command = (str(python), str(self.programs / file), *map(str, arguments))
        given = {**self.variables, **(variables or {})}
        output = self.folder / "archives" / name
        done = self.snapshot(name, command, options, given, prefix).succeeded()
        (archive,) = output.glob("*.glow")
        return Image(archive, command, self.folder, self.wrapper, given, done.out + done.err)

    def snapshot(self, name, command, options, variables, prefix=()):
        """Runs `glowplug snapshot --image`, whatever comes of it."""
        output = self.folder / "archives" / name
        output.mkdir(parents=True, exist_ok=True)
        command = [*prefix, COMMAND, "snapshot", "--image", "--name", name, "-o", output, *options, "--", *command]
        return run(command, self.folder, variables)

    def function_layer(self, folder, target, *options):
        """A layer with a function's image, below `folder`; without the extension, which would read ahead of a start."""
        command = [COMMAND, "snapshot", *target, "--image", *options, "-o", folder / "archives"]
        run(command, folder, self.variables).succeeded()
        (archive,) = (folder / "archives").glob("*.glow")
        command = [COMMAND, "layer", "--archive", archive, "--dir", folder / "layer"]
        run(command, folder, self.variables).succeeded()
        shutil.rmtree(folder / "layer" / "extensions")
        return folder / "layer"

    def __getitem__(self, name):
        """The image of the program of that name, taken when it is first asked for."""
        if name not in self.images:
            self.images[name] = self.take(name)
        return self.images[name]

    def remove(self):
        """Removes the folder, and the crash latches of its images."""
        for archive in self.folder.rglob("*.glow"):
            Path("/tmp", ImageFile(archive).latch).unlink(missing_ok=True)
        shutil.rmtree(self.folder, ignore_errors=True)


def run(command, folder, variables, *, stdin="", timeout=300, **options):
    """Runs a command in exactly this environment."""
    done = subprocess.run(
        [os.fspath(part) for part in command],
        cwd=folder,
        env={name: str(value) for name, value in variables.items() if value is not None},
        input=stdin,
        capture_output=True,
        encoding="utf-8",
        errors="surrogateescape",
        timeout=timeout * SLOWNESS,
        check=False,
        **options,
    )
    return Finished(done.returncode, done.stdout, done.stderr)
