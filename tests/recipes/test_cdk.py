"""The CDK recipe: synthesized by aws-cdk-lib, its code and layer built by the command that it gives to docker."""

import json
import sys

import pytest
from cloudformation import check_function, check_layer, findings, resources_of
from workshop import TARGET, starts_from_its_archive


@pytest.fixture(scope="module")
def assembly(workshop, tmp_path_factory):
    """What `cdk synth` writes; its command line does nothing more than to run the app with these variables."""
    settings = json.loads((workshop.recipes / "cdk" / "cdk.json").read_text())
    program, *arguments = settings["app"].split()
    assert program == "python3"
    folder = tmp_path_factory.mktemp("cdk.out")
    # The first time 200 MB are unpacked there: a minute, or more where other tests run beside it.
    cache = TARGET / "recipes" / "jsii"
    done = workshop.run(sys.executable, *arguments, cwd="cdk", timeout=600, CDK_OUTDIR=folder, CDK_DOCKER="docker",
                        JSII_RUNTIME_PACKAGE_CACHE_ROOT=cache)  # fmt: skip
    done.succeeded()
    return folder


@pytest.fixture(scope="module")
def template(assembly):
    """The stack's template."""
    return json.loads((assembly / "Orders.template.json").read_text())


def test_cfn_lint_has_nothing_to_say(assembly):
    # W3005: CDK says twice that the function comes after its role.
    assert findings(assembly / "Orders.template.json", "--ignore-checks", "W3005") == ""


def test_the_function_has_layer_wrapper_and_runtime_setting(template):
    (layer,) = resources_of(template, "AWS::Lambda::LayerVersion")
    (function,) = resources_of(template, "AWS::Lambda::Function").values()
    check_function(function, layer)
    check_layer(template["Resources"][layer]["Properties"])


def test_the_function_is_built_in_the_runtimes_image(workshop, assembly):
    images = (workshop.variables["TMPDIR"] / "images").read_text().split()
    assert images == ["public.ecr.aws/sam/build-python3.12"] * 2


def test_its_assets_start_from_the_archive(workshop, assembly, template):
    files = json.loads((assembly / "Orders.assets.json").read_text())["files"]

    def asset(kind, content):
        (resource,) = resources_of(template, kind).values()
        file = files[resource[content]["S3Key"].removesuffix(".zip")]["source"]
        assert file["packaging"] == "zip"
        return assembly / file["path"]

    function, layer = asset("AWS::Lambda::Function", "Code"), asset("AWS::Lambda::LayerVersion", "Content")
    starts_from_its_archive(workshop, function, layer)
