"""The container recipe: linted by hadolint, and its instructions followed without docker."""

import subprocess

import pytest
from dockerfile import Build
from processes import run
from workshop import RECIPES, REPOSITORY, SCRIPTS, starts_from_its_archive

DOCKERFILE = RECIPES / "container" / "Dockerfile"
IMAGE = "public.ecr.aws/lambda/python:3.12"


def test_hadolint_has_nothing_to_say():
    done = run(SCRIPTS / "hadolint", DOCKERFILE)
    assert (done.status, done.out) == (0, ""), done.out


@pytest.fixture(scope="module")
def build(workshop, tmp_path_factory):
    """All stages of the Dockerfile."""
    if subprocess.run(["bwrap", "--ro-bind", "/", "/", "true"], capture_output=True, check=False).returncode:
        pytest.skip("bubblewrap is not allowed to make sandboxes here")
    # The sandbox has /tmp, /var and /opt of its own, and what stands in for the image's Python may lie there.
    prefix = run(workshop.python, "-c", "import sys; print(sys.base_prefix)").silently().out.strip()
    shown = [prefix, REPOSITORY, workshop.recipes.parent]
    variables = {**workshop.variables, "TMPDIR": "/tmp", "HOME": "/tmp"}
    folder = tmp_path_factory.mktemp("container")
    dockerfile = workshop.recipes / "container" / "Dockerfile"
    return Build(dockerfile, workshop.recipes, folder, shown, **variables)


def test_the_snapshot_is_taken_with_the_images_own_python(build):
    assert [stage.image for stage in build.stages] == [IMAGE, IMAGE]


def test_the_image_starts_from_its_archive(workshop, build):
    starts_from_its_archive(workshop, build.stage.root / "var" / "task", build.stage.root / "opt")


def test_the_image_holds_the_wrapper_that_it_names(build):
    wrapper = build.stage.environment["AWS_LAMBDA_EXEC_WRAPPER"]
    assert (build.stage.root / wrapper.lstrip("/")).stat().st_mode & 0o111
    assert build.stage.command == ["app.handler"]


def test_nothing_of_the_build_is_left_in_the_image(build):
    assert list((build.stage.root / "tmp").iterdir()) == []
    assert not list((build.stage.root / "var" / "task").glob("event.json"))
