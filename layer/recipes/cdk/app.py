"""cdk deploy: a function that starts from an archive. Its code and its layer are built in the runtime's build image."""

from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

FUNCTION = Path(__file__).resolve().parent.parent / "function"
RUNTIME = lambda_.Runtime.PYTHON_3_12


def built(target: str) -> lambda_.Code:
    """What a target of the function's Makefile makes in the image."""
    return lambda_.Code.from_asset(
        str(FUNCTION),
        asset_hash_type=cdk.AssetHashType.OUTPUT,
        bundling=cdk.BundlingOptions(
            image=RUNTIME.bundling_image,
            platform="linux/amd64",
            command=["make", target, "ARTIFACTS_DIR=/asset-output"],
        ),
    )


class Orders(cdk.Stack):
    """The function and the layer."""

    def __init__(self, scope: Construct, name: str) -> None:
        super().__init__(scope, name)
        glowplug = lambda_.LayerVersion(
            self,
            "Glowplug",
            code=built("build-Glowplug"),
            compatible_runtimes=[RUNTIME],
            compatible_architectures=[lambda_.Architecture.X86_64],
        )
        lambda_.Function(
            self,
            "Function",
            code=built("build-Function"),
            handler="app.handler",
            runtime=RUNTIME,
            architecture=lambda_.Architecture.X86_64,
            memory_size=512,
            timeout=cdk.Duration.seconds(10),
            layers=[glowplug],
            environment={"AWS_LAMBDA_EXEC_WRAPPER": "/opt/glowplug/exec"},
            # The archive fits one build of Python: a newer one comes with the next deployment, not before.
            runtime_management_mode=lambda_.RuntimeManagementMode.FUNCTION_UPDATE,
        )


app = cdk.App()
Orders(app, "Orders")
app.synth()
