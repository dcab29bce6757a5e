"""What the CloudFormation templates of the recipes have in common, whichever tool writes them."""

from processes import run
from workshop import SCRIPTS

WRAPPER = {"AWS_LAMBDA_EXEC_WRAPPER": "/opt/glowplug/exec"}


def findings(template, *options):
    """What cfn-lint says of a template; nothing, where all is well."""
    done = run(SCRIPTS / "cfn-lint", "--regions", "eu-central-1", *options, "--", template)
    assert bool(done.status) == bool(done.out), done.err
    return done.out


def resources_of(template, kind):
    """The resources of one type: their names and properties."""
    return {
        name: resource.get("Properties", {})
        for name, resource in template["Resources"].items()
        if resource["Type"] == kind
    }


def check_function(function, layer):
    """Makes sure that the function starts by the wrapper in the layer of that name, with the Python of the snapshot."""
    assert function["Environment"]["Variables"] == WRAPPER
    assert function["Layers"] == [{"Ref": layer}]
    assert (function["Handler"], function["Runtime"]) == ("app.handler", "python3.12")
    assert function["Architectures"] == ["x86_64"]
    assert function["RuntimeManagementConfig"]["UpdateRuntimeOn"] == "FunctionUpdate"


def check_layer(layer):
    """Makes sure that the layer is for the function's Python and machine."""
    assert layer["CompatibleRuntimes"] == ["python3.12"]
    assert layer["CompatibleArchitectures"] == ["x86_64"]
