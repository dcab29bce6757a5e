"""The Serverless Framework recipe, packaged and deployed to moto's server by osls, its free continuation on npm.

moto's CloudFormation does not attach layers to functions; that is read from the template.
"""

import json
import shutil

import pytest
from cloudformation import check_function, check_layer, findings, resources_of
from moto_server import sha256
from processes import AWS
from workshop import SERVERLESS


@pytest.fixture(scope="module")
def deployed(workshop, package, aws):
    """The folder that the framework writes when it deploys."""
    workshop.run(
        "node", SERVERLESS, "deploy", "--region", AWS["AWS_DEFAULT_REGION"], cwd="serverless",
        AWS_ENDPOINT_URL=aws.address, SLS_AWS_MONITORING_FREQUENCY=200,
    ).succeeded()  # fmt: skip
    return workshop.recipes / "serverless" / ".serverless"


@pytest.fixture(scope="module")
def template(deployed):
    """The template of the whole stack."""
    return json.loads((deployed / "cloudformation-template-update-stack.json").read_text())


def test_cfn_lint_has_nothing_to_say(deployed):
    assert findings(deployed / "cloudformation-template-update-stack.json") == ""


def test_the_function_has_layer_wrapper_and_runtime_setting(template):
    (layer,) = resources_of(template, "AWS::Lambda::LayerVersion")
    (function,) = resources_of(template, "AWS::Lambda::Function").values()
    check_function(function, layer)
    check_layer(template["Resources"][layer]["Properties"])


def test_the_zips_arrive_as_make_package_left_them(aws, package, deployed):
    client = aws.client("lambda")
    function = client.get_function_configuration(FunctionName="orders-dev-orders")
    assert function["CodeSha256"] == sha256((package / "function.zip").read_bytes())
    # moto gives the layer a name of its own.
    (layer,) = client.list_layers()["Layers"]
    version = client.get_layer_version(LayerName=layer["LayerName"], VersionNumber=1)
    assert version["Content"]["CodeSha256"] == sha256((package / "layer.zip").read_bytes())


def test_what_the_framework_does_not_know_is_refused(workshop, tmp_path):
    folder = shutil.copytree(workshop.recipes / "serverless", tmp_path / "serverless")
    text = (folder / "serverless.yml").read_text()
    (folder / "serverless.yml").write_text(f"configValidationMode: error\n{text}".replace("onFunctionUpdate", "never"))
    done = workshop.run("node", SERVERLESS, "print", cwd=folder)
    assert done.status != 0
    assert "runtimeManagement" in done.out + done.err
