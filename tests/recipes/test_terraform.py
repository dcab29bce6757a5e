"""The Terraform recipe: parsed, and what it says of function and layer.

The schemas of its providers come from a registry of its own, so that names of arguments are not checked.
"""

import json
import re
import shutil

import hcl2
import pytest
from processes import run
from workshop import RECIPES

FILE = RECIPES / "terraform" / "main.tf"
REFERENCE = re.compile(r"\b(aws_\w+\.\w+|var\.\w+)")


def plain(value):
    """The parser's tree without the quotes that it leaves around texts and names."""
    if isinstance(value, dict):
        return {plain(name): plain(part) for name, part in value.items() if name != "__is_block__"}
    if isinstance(value, list):
        return [plain(part) for part in value]
    return value[1:-1] if isinstance(value, str) and value.startswith('"') else value


@pytest.fixture(scope="module")
def configuration():
    """The file as a tree."""
    with FILE.open() as file:
        return plain(hcl2.load(file))


@pytest.fixture(scope="module")
def resources(configuration):
    """Each resource by its address."""
    return {
        f"{kind}.{name}": body
        for block in configuration["resource"]
        for kind, named in block.items()
        for name, body in named.items()
    }


def test_what_is_referred_to_is_there(configuration, resources):
    variables = {f"var.{name}" for block in configuration["variable"] for name in block}
    referred = set(REFERENCE.findall(json.dumps([configuration["resource"], configuration["output"]])))
    assert {"aws_lambda_layer_version.glowplug", "var.out"} <= referred
    assert referred <= set(resources) | variables


def test_the_function_has_layer_wrapper_and_runtime_setting(resources):
    function = resources["aws_lambda_function.orders"]
    assert function["environment"] == [{"variables": {"AWS_LAMBDA_EXEC_WRAPPER": "/opt/glowplug/exec"}}]
    assert function["layers"] == ["${aws_lambda_layer_version.glowplug.arn}"]
    assert (function["handler"], function["runtime"]) == ("app.handler", "python3.12")
    assert function["architectures"] == ["x86_64"]
    assert resources["aws_lambda_runtime_management_config.orders"]["update_runtime_on"] == "FunctionUpdate"


def test_the_layer_is_for_the_functions_python_and_machine(resources):
    layer = resources["aws_lambda_layer_version.glowplug"]
    assert layer["compatible_runtimes"] == ["python3.12"]
    assert layer["compatible_architectures"] == ["x86_64"]


@pytest.mark.parametrize(
    ("address", "file"), [("aws_lambda_function.orders", "function"), ("aws_lambda_layer_version.glowplug", "layer")]
)
def test_the_zips_are_where_make_package_leaves_them(configuration, resources, address, file):
    (out,) = [block["out"]["default"] for block in configuration["variable"]]
    name = resources[address]["filename"]
    assert (FILE.parent / name.replace("${var.out}", out)).resolve() == RECIPES / "out" / f"{file}.zip"
    # A changed file of the same name is deployed again.
    assert resources[address]["source_code_hash"] == f'${{filebase64sha256("{name}")}}'


@pytest.mark.skipif(shutil.which("terraform") is None, reason="there is no terraform here, and no registry has it")
def test_terraform_itself_would_not_format_it_otherwise():
    done = run("terraform", "fmt", "-check", "-diff", FILE.parent)
    assert (done.status, done.out) == (0, ""), done.out
