"""The GitHub Actions workflow: checked against its schema, audited, and its steps run, against moto's server.

Actions of others (`uses`) are not run: what they leave is put there.
"""

import re
import shutil

import pytest
import yaml
from processes import run
from workshop import HERE, PACKAGE, RECIPES, SCRIPTS

FILE = RECIPES / "github-actions" / "deploy.yml"
WORKFLOW = yaml.load(FILE.read_text(), yaml.BaseLoader)
STEPS = [(job, step) for job, body in WORKFLOW["jobs"].items() for step in body["steps"] if "run" in step]
EXPRESSION = re.compile(r"\$\{\{\s*([\w.-]+)\s*\}\}")


class Runner:
    """Runs the steps of a job in a folder, as GitHub's runner does where the steps are plain scripts."""

    def __init__(self, folder, execute):
        self.folder, self.execute = folder, execute
        self.outputs = {}
        self.output_file = folder / "GITHUB_OUTPUT"

    def values(self, variables):
        """Variables with what their expressions stand for."""
        return {name: EXPRESSION.sub(lambda found: self.outputs[found[1]], text) for name, text in variables.items()}

    def job(self, name):
        """Runs all the job's own steps; stops at one that fails."""
        for step in [step for job, step in STEPS if job == name]:
            self.output_file.write_text("")
            variables = self.values({**WORKFLOW["env"], **step.get("env", {})})
            done = self.execute("bash", "-e", "-c", step["run"], cwd=self.folder, GITHUB_OUTPUT=self.output_file,
                                **variables)  # fmt: skip
            assert done.status == 0, f"{step['name']}: {done.out}{done.err}"
            for line in self.output_file.read_text().splitlines():
                key, _, value = line.partition("=")
                self.outputs[f"steps.{step['id']}.outputs.{key}"] = value


def test_it_fits_the_schema():
    run(SCRIPTS / "check-jsonschema", "--builtin-schema", "vendor.github-workflows", FILE).succeeded()


def test_zizmor_has_nothing_to_say():
    done = run(SCRIPTS / "zizmor", "--offline", "--no-progress", "--config", HERE / "zizmor.yml", FILE)
    assert done.status == 0, done.out


@pytest.mark.parametrize("step", [step for _, step in STEPS], ids=lambda step: step["name"])
def test_shellcheck_has_nothing_to_say(step):
    assert EXPRESSION.search(step["run"]) is None, "expressions belong into `env`"
    done = run(SCRIPTS / "shellcheck", "--shell", "bash", "-", stdin=step["run"])
    assert (done.status, done.out) == (0, ""), done.out


def test_the_snapshot_is_taken_in_the_runtimes_image():
    assert WORKFLOW["jobs"]["snapshot"]["container"] == "public.ecr.aws/sam/build-python3.12"
    assert WORKFLOW["jobs"]["deploy"]["needs"] == "snapshot"
    # What the fixture `package` runs, in a folder laid out as the workflow's repository.
    assert [step["run"].split() for job, step in STEPS if job == "snapshot"] == [list(PACKAGE)]


def test_its_steps_deploy_what_it_uploads(workshop, package, aws, tmp_path):
    name = WORKFLOW["env"]["FUNCTION_NAME"]
    aws.create_function(name, b"PK\x05\x06" + bytes(18), Layers=[])
    (upload,) = [step["with"] for step in WORKFLOW["jobs"]["snapshot"]["steps"] if "upload" in step.get("uses", "")]
    artifact = tmp_path / "out"
    artifact.mkdir()
    for file in workshop.recipes.glob(upload["path"]):
        shutil.copy2(file, artifact)

    def execute(*command, **options):
        return workshop.run(*command, AWS_ENDPOINT_URL=aws.address, AWS_PAGER="", **options)

    Runner(tmp_path, execute).job("deploy")
    configuration = aws.client("lambda").get_function_configuration(FunctionName=name)
    (layer,) = configuration["Layers"]
    assert ":layer:glowplug:" in layer["Arn"]
    assert layer["CodeSize"] == (artifact / "layer.zip").stat().st_size
    assert configuration["CodeSize"] == (artifact / "function.zip").stat().st_size
    assert configuration["Environment"]["Variables"] == {"AWS_LAMBDA_EXEC_WRAPPER": "/opt/glowplug/exec"}
