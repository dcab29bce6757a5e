"""Functions under Lambda's runtime, restored from their images in the local sandbox."""

import json
import shutil
import sys

import images
import pytest
import snapshots

NAMES = ("boto3", "pandas")
# Lambda sets both for every function.
REGION = ("--env", "AWS_REGION=eu-central-1", "--env", "AWS_DEFAULT_REGION=eu-central-1")
# Bytes of an image with pandas but for its pack, which can be left out: 120 MB are wanted. 128.6 were measured with
# 3.14 (whose C library is another), 1.2 of them code that is brought together: these are not to grow.
LARGEST = {(3, 14): 129.5e6}.get(sys.version_info[:2], 120e6)


class Function:
    """A function of `functions/packages`, its image and a layer with it."""

    def __init__(self, workshop, name):
        self.root = workshop.folder / f"{name}-root"
        shutil.copytree(snapshots.FUNCTIONS / "packages", self.root, ignore=shutil.ignore_patterns("__pycache__"))
        self.handler, self.event = f"{name}_function.handler", self.root / f"{name}_event.json"
        # The code archive's part of the snapshot step handles the event with these; the image has none.
        self.variables = {**workshop.variables, "AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "x"}
        self.target = (self.handler, "--root", self.root, "--python", images.PYTHON, "--event", self.event)
        folder = workshop.folder / f"{name}-archive"
        command = [images.COMMAND, "snapshot", *self.target, "--image", *REGION, "-o", folder, "--json"]
        self.summary = json.loads(images.run(command, self.root, self.variables, timeout=300).succeeded().out)
        (self.archive,) = folder.glob("*.glow")
        self.layer = workshop.folder / f"{name}-layer"
        command = [images.COMMAND, "layer", "--archive", self.archive, "--dir", self.layer]
        images.run(command, self.root, self.variables).succeeded()
        # What reads ahead is not what is tested here.
        shutil.rmtree(self.layer / "extensions")

    def invoke(self, *options):
        """What the sandbox says of one start."""
        command = [images.COMMAND, "invoke", *self.target, "--json", *options]
        return json.loads(images.run(command, self.root, self.variables).succeeded().out)["outcome"]


@pytest.fixture(scope="module", params=NAMES)
def function(request, workshop):
    made = Function(workshop, request.param)
    yield made
    # They are large.
    made.archive.unlink()
    shutil.rmtree(made.layer)


def response(outcome):
    (invocation,) = outcome["invocations"]
    return invocation["response"]


def test_a_restored_function_answers_as_a_plain_one(function):
    plain = response(function.invoke("--no-layer"))
    for _ in range(3):
        outcome = function.invoke("--layer", function.layer)
        assert response(outcome) == plain
        assert images.NOT_USED not in json.dumps(outcome["log"])


def test_the_summary_says_what_the_image_consists_of(function):
    image = function.summary["image"]
    assert image["same_answers"] is True
    sizes = image["sizes"]
    parts = ("text", "heap", "data", "pack")
    assert set(parts) <= set(sizes)
    assert all(sizes[what] > 0 for what in parts)
    assert image["bytes"] <= function.archive.stat().st_size
    assert image["bytes"] - sizes["pack"] <= LARGEST
    assert sizes["pack"] <= 12e6
