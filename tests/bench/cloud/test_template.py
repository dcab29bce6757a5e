"""The SAM template of `benchmarks/cloud`: linted, and transformed as the service does it."""

import subprocess
import sys
from pathlib import Path

import pytest
from samtranslator.translator.transform import transform
from samtranslator.yaml_helper import yaml_parse

CLOUD = Path(__file__).resolve().parents[3] / "benchmarks" / "cloud"
TEMPLATE = CLOUD / "template.yaml"


class Policies:
    """The managed policies that the translator may ask for; the template names none of its own."""

    def load(self):
        return {"AWSLambdaBasicExecutionRole": "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"}


@pytest.fixture
def transformed(monkeypatch):
    """The template's resources after the transformation."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    template = yaml_parse(TEMPLATE.read_text())
    # Packaging puts addresses in the place of the folders.
    assert template["Globals"]["Function"]["CodeUri"] == "out/function"
    template["Globals"]["Function"]["CodeUri"] = "s3://bucket/function"
    template["Resources"]["Layer"]["Properties"]["ContentUri"] = "s3://bucket/layer"
    return transform(template, {}, Policies())["Resources"]


def findings(template):
    """What cfn-lint says of a template; nothing, where all is well."""
    command = [Path(sys.prefix) / "bin" / "cfn-lint", "--regions", "eu-central-1", "--", template]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert bool(done.returncode) == bool(done.stdout), done.stderr
    return done.stdout


def test_cfn_lint_has_nothing_to_say():
    assert findings(TEMPLATE) == ""


def test_cfn_lint_would_see_a_mistake(tmp_path):
    damaged = tmp_path / "damaged.yaml"
    damaged.write_text(TEMPLATE.read_text().replace("RetentionInDays: 7", "RetentionInDays: 8"))
    assert "E3030" in findings(damaged)


def test_the_functions_differ_by_layer_and_wrapper_alone(transformed):
    plain, glowplug = (dict(transformed[name]["Properties"]) for name in ("Plain", "Glowplug"))
    assert "Layers" not in plain and "Environment" not in plain
    (layer,) = (name for name, found in transformed.items() if found["Type"] == "AWS::Lambda::LayerVersion")
    assert glowplug.pop("Layers") == [{"Ref": layer}]
    variables = glowplug.pop("Environment")["Variables"]
    assert variables == {"AWS_LAMBDA_EXEC_WRAPPER": "/opt/glowplug/exec", "GLOWPLUG_LOG": "info"}
    for own in ("Role", "LoggingConfig"):
        assert plain.pop(own) != glowplug.pop(own)
    assert plain == glowplug
    assert plain["RuntimeManagementConfig"]["UpdateRuntimeOn"] == "FunctionUpdate"


def test_the_script_finds_what_the_stack_says():
    outputs = yaml_parse(TEMPLATE.read_text())["Outputs"]
    source = (CLOUD / "cold_starts.py").read_text()
    for name in ("Plain", "Glowplug"):
        assert f'"{name}":' in source
        assert {f"{name}Function", f"{name}LogGroup"} <= set(outputs)
