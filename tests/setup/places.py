"""Where the set-up keeps what it makes. Everything is below `target/`, so `make clean` takes it all away."""

from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
TARGET = REPOSITORY / "target"

PYTHONS_JSON = TARGET / "pythons.json"
VENVS = TARGET / "venvs"
VENVS_JSON = TARGET / "venvs.json"
TOOLS = VENVS / "tools"
RECIPES = VENVS / "recipes"
CRIU = TARGET / "sid-criu"
REQUIREMENTS = REPOSITORY / "tests" / "requirements"


def unpacked_debian(suite, minor):
    """The folder that holds one Python with its libraries, unpacked from a Debian suite."""
    return TARGET / f"{suite}-python{minor}"


def cpython_tests(label):
    """The folder of the `test` package for a Python that comes without a whole one."""
    return TARGET / "cpython-tests" / label


def from_registries(name):
    """A folder of what the checks of the recipes take from registries, other than their environment."""
    return TARGET / "recipes" / name
