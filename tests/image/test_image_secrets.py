"""An image holds nothing of the environment that the snapshot step was started in, but what it was given."""

import secrets

import images
import pytest

FUNCTION = """
import os
TABLE = os.environ.get("TABLE")
def handler(event, context):
    return TABLE
"""


@pytest.fixture(scope="module")
def canaries():
    """Variables of whoever runs the snapshot step, with values that are nowhere else."""
    names = ("CANARY", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "DATABASE_URL", "GITHUB_TOKEN", "TABLE")
    return {name: f"canary-{secrets.token_hex(12)}" for name in names}


def found_in(archive, values):
    """Names of the values that are in a file: as strings of one, two and four bytes a character."""
    content = archive.read_bytes()
    codes = ("utf-8", "utf-16-le", "utf-32-le")
    return [name for name, value in values.items() if any(value.encode(code) in content for code in codes)]


def test_a_programs_image_has_nothing_of_the_snapshot_machines_environment(workshop, canaries):
    image = workshop.take("canaries", "small.py", variables=canaries)
    assert found_in(image.archive, canaries) == []
    # What is looked for would be found: a program gets PATH.
    assert found_in(image.archive, {"PATH": image.variables["PATH"]}) == ["PATH"]
    assert image.archive.stat().st_mode & 0o777 == 0o600


def test_a_functions_image_has_what_it_was_given_on_purpose_alone(workshop, canaries):
    root = workshop.folder / "function"
    root.mkdir()
    (root / "app.py").write_text(FUNCTION)
    given = f"given-{secrets.token_hex(12)}"
    command = [images.COMMAND, "snapshot", "app.handler", "--root", root, "--python", images.PYTHON, "--image"]
    command += ["-o", root / "archives", "--env", f"GIVEN={given}"]
    images.run(command, root, {**workshop.variables, **canaries}).succeeded()
    (archive,) = (root / "archives").glob("*.glow")
    assert found_in(archive, canaries) == []
    assert found_in(archive, {"GIVEN": given}) == ["GIVEN"]
    assert archive.stat().st_mode & 0o777 == 0o600
