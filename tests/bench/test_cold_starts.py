"""`benchmarks/cloud/cold_starts.py`, with stand-ins for the service's clients."""

import importlib.util
import io
import json
from pathlib import Path

import pytest

pytestmark = [pytest.mark.once, pytest.mark.no_wheel]

SCRIPT = Path(__file__).resolve().parents[2] / "benchmarks" / "cloud" / "cold_starts.py"


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location("cold_starts", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Lambda:
    """Starts a new environment of a function whenever its variables have changed, as the service does."""

    def __init__(self, answers):
        self.answers = answers
        self.variables = {name: {"AWS_LAMBDA_EXEC_WRAPPER": "/opt/glowplug/exec"} for name in answers}
        self.warm = set()
        self.starts = []

    def get_function_configuration(self, FunctionName):  # noqa: N803
        return {"Environment": {"Variables": self.variables[FunctionName]}}

    def update_function_configuration(self, FunctionName, Environment):  # noqa: N803
        if self.variables[FunctionName] != Environment["Variables"]:
            self.warm.discard(FunctionName)
        self.variables[FunctionName] = Environment["Variables"]

    def get_waiter(self, _name):
        return self

    def wait(self, FunctionName):  # noqa: N803
        assert FunctionName in self.answers

    def invoke(self, FunctionName, Payload):  # noqa: N803
        assert Payload == b"{}"
        self.starts.append((FunctionName, FunctionName not in self.warm))
        self.warm.add(FunctionName)
        answer = self.answers[FunctionName]
        failed = {"FunctionError": "Unhandled"} if answer == "failed" else {}
        return {"Payload": io.BytesIO(json.dumps(answer).encode()), **failed}


def test_every_round_starts_every_function_cold_and_then_warm(script):
    client = Lambda({"one": 1, "other": 1})
    script.measure(client, ["one", "other"], b"{}", runs=4)
    for name in ("one", "other"):
        assert [cold for started, cold in client.starts if started == name] == [True, False] * 4
    assert client.variables["one"]["AWS_LAMBDA_EXEC_WRAPPER"] == "/opt/glowplug/exec"


@pytest.mark.parametrize("answer", [2, "failed"])
def test_a_wrong_or_failed_answer_ends_the_measurement(script, answer):
    with pytest.raises(SystemExit):
        script.measure(Lambda({"one": 1, "other": answer}), ["one", "other"], b"{}", runs=1)


def test_logs_are_saved_as_they_are_ingested(script):
    class Logs:
        def get_paginator(self, name):
            assert name == "filter_log_events"
            return self

        def paginate(self, **wanted):
            assert wanted == {"logGroupName": "group", "startTime": 5}
            return [{"events": [{"message": "REPORT a"}]}, {"events": [{"message": "REPORT b"}]}]

    assert script.fetch(Logs(), "group", 5) == {"events": [{"message": "REPORT a"}, {"message": "REPORT b"}]}
