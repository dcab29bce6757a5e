"""The SAM recipe: linted, transformed as the service does it, and built by `sam build`."""

import json
import time

import yaml
from cloudformation import check_function, check_layer, findings, resources_of
from samtranslator.translator.transform import transform
from samtranslator.yaml_helper import yaml_parse
from workshop import RECIPES, SCRIPTS, starts_from_its_archive

TEMPLATE = RECIPES / "sam" / "template.yaml"


class Policies:
    """The managed policies that the translator may ask for; the template names none of its own."""

    def load(self):
        return {"AWSLambdaBasicExecutionRole": "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"}


def test_cfn_lint_has_nothing_to_say():
    assert findings(TEMPLATE) == ""


def test_cfn_lint_would_see_a_mistake(tmp_path):
    damaged = tmp_path / "damaged.yaml"
    damaged.write_text(TEMPLATE.read_text().replace("MemorySize: 512", "MemorySize: much"))
    assert "E3012" in findings(damaged)


def test_the_transformed_function_has_layer_wrapper_and_runtime_setting(monkeypatch):
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    template = yaml_parse(TEMPLATE.read_text())
    # Packaging puts addresses in the place of the folders.
    template["Resources"]["Function"]["Properties"]["CodeUri"] = "s3://bucket/function"
    template["Resources"]["Glowplug"]["Properties"]["ContentUri"] = "s3://bucket/layer"
    transformed = transform(template, {}, Policies())
    (layer,) = resources_of(transformed, "AWS::Lambda::LayerVersion")
    (function,) = resources_of(transformed, "AWS::Lambda::Function").values()
    check_function(function, layer)
    check_layer(transformed["Resources"][layer]["Properties"])


def test_sam_build_makes_a_function_that_starts_from_its_archive(workshop):
    # Or it would ask whether there is a newer one.
    settings = workshop.variables["HOME"] / ".aws-sam" / "metadata.json"
    settings.parent.mkdir()
    settings.write_text(json.dumps({"lastVersionCheck": time.time()}))
    done = workshop.run(SCRIPTS / "sam", "build", cwd="sam", SAM_CLI_TELEMETRY=0).succeeded()
    assert "Build Succeeded" in done.out + done.err
    built = workshop.recipes / "sam" / ".aws-sam" / "build"
    resources = yaml.load((built / "template.yaml").read_text(), yaml.BaseLoader)["Resources"]
    assert resources["Function"]["Properties"]["CodeUri"] == "Function"
    assert resources["Glowplug"]["Properties"]["ContentUri"] == "Glowplug"
    starts_from_its_archive(workshop, built / "Function", built / "Glowplug")
