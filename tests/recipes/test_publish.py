"""A real layer goes through Lambda's API, as moto's server has it, and is attached to a function.

moto gives no address to download a layer from, so that what arrived is known by its size and its hash.
"""

import pytest
from moto_server import sha256

MACHINE = {"CompatibleRuntimes": ["python3.12"], "CompatibleArchitectures": ["x86_64"]}


@pytest.fixture(scope="module")
def zipped(workshop, package, tmp_path_factory):
    """A layer with the function's archive in it."""
    file = tmp_path_factory.mktemp("layer") / "layer.zip"
    (archive,) = (package / "function").glob("*.glow")
    workshop.glowplug("layer", "--archive", archive, "-o", file).silently()
    return file.read_bytes()


@pytest.fixture(scope="module")
def published(aws, zipped):
    """What publishing it answered."""
    return aws.client("lambda").publish_layer_version(LayerName="glowplug", Content={"ZipFile": zipped}, **MACHINE)


def test_the_whole_zip_arrives(aws, zipped, published):
    assert published["Version"] == 1
    version = aws.client("lambda").get_layer_version(LayerName="glowplug", VersionNumber=1)
    assert version["LayerVersionArn"] == published["LayerVersionArn"]
    assert version["Content"]["CodeSha256"] == sha256(zipped)
    assert version["Content"]["CodeSize"] == len(zipped)
    assert {name: version[name] for name in MACHINE} == MACHINE


def test_a_function_takes_the_layer(aws, package, zipped, published):
    aws.create_function(
        "uses-the-layer",
        (package / "function.zip").read_bytes(),
        Layers=[published["LayerVersionArn"]],
        Environment={"Variables": {"AWS_LAMBDA_EXEC_WRAPPER": "/opt/glowplug/exec"}},
    )
    configuration = aws.client("lambda").get_function_configuration(FunctionName="uses-the-layer")
    (layer,) = configuration["Layers"]
    assert (layer["Arn"], layer["CodeSize"]) == (published["LayerVersionArn"], len(zipped))
    assert configuration["CodeSha256"] == sha256((package / "function.zip").read_bytes())
