"""The sandbox itself: Lambda's order, extensions, isolation."""

import json
import shutil

import pytest

EXTENSION = """#!/usr/bin/env python3
import http.client, json, os, sys, time
NAME = os.path.basename(__file__)
api = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
time.sleep(0.1)
if NAME == "failing":
    sys.exit("no")
api.request("POST", "/2020-01-01/extension/register", json.dumps({"events": ["INVOKE", "SHUTDOWN"]}),
            {"Lambda-Extension-Name": NAME})
answer = api.getresponse()
answer.read()
print(json.dumps(sorted(os.environ)), flush=True)
while True:
    api.request("GET", "/2020-01-01/extension/event/next",
                headers={"Lambda-Extension-Identifier": answer.headers["Lambda-Extension-Identifier"]})
    event = json.loads(api.getresponse().read())
    print(event["eventType"], flush=True)
    if event["eventType"] == "SHUTDOWN":
        break
"""


@pytest.fixture
def with_extensions(layer_copy):
    """A layer with extensions of these names."""

    def make(*names):
        folder = layer_copy / "extensions"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        for name in names:
            (folder / name).write_text(EXTENSION)
            (folder / name).chmod(0o755)
        return layer_copy

    return make


def test_extensions_register_before_the_runtime_starts(functions, with_extensions):
    outcome = functions.invoke("exits.raises", "schedule", "schedule", layer=with_extensions("one", "two"))
    order = ["extension one is executed", "extension two is executed", "extension one registers"]
    order += ["runtime is executed", "handler imported, runtime asks for an event", "Init is over"]
    assert [outcome.at(what) for what in order] == sorted(outcome.at(what) for what in order)
    assert outcome.at("extension two registers") < outcome.at("runtime is executed")
    assert outcome.at("extension two asks for an event") <= outcome.at("Init is over")
    lines = outcome.extension_log.splitlines()
    assert [lines.count(kind) for kind in ("INVOKE", "SHUTDOWN")] == [4, 2]
    seen = set(json.loads(next(line for line in lines if line.startswith("["))))
    assert "AWS_LAMBDA_FUNCTION_MEMORY_SIZE" in seen
    assert not seen & {"LAMBDA_TASK_ROOT", "_HANDLER", "PYTHONPATH", "AWS_EXECUTION_ENV"}


def test_an_extension_that_fails_fails_the_environment(functions, with_extensions):
    outcome = functions.invoke("exits.raises", "schedule", layer=with_extensions("failing"))
    assert outcome.status == 3
    assert "extension failing ended" in outcome.said["trouble"]


def test_without_isolation_the_function_answers_too(functions, layer):
    options = ("--isolation", "none")
    outcome = functions.invoke("surroundings.handler", "schedule", layer=layer, options=options)
    assert not outcome.isolated
    assert outcome.response["status"]["rung"] == "code"
    assert outcome.response["environment"]["LAMBDA_TASK_ROOT"] == str(functions.root)


def test_isolated_files_are_where_lambda_has_them_and_cannot_be_changed(functions, layer):
    (functions.root / "changing.py").write_text(
        "from pathlib import Path\n"
        "def handler(event, context):\n"
        "    Path('/tmp/a').write_text('')\n"
        "    try:\n"
        "        Path('/var/task/a').write_text('')\n"
        "    except OSError as error:\n"
        "        return [error.errno, Path('/opt/glowplug/exec').is_file()]\n"
    )
    outcome = functions.invoke("changing.handler", "schedule", layer=layer, options=("--isolation", "bubblewrap"))
    assert outcome.response == [30, True]


def test_a_cold_start_evicts_files_first(functions, layer):
    outcome = functions.invoke("surroundings.handler", "schedule", layer=layer, options=("--cold",))
    assert outcome.response["status"]["rung"] == "code"
    assert outcome.evicted["files"] > 100
    assert outcome.evicted["left"] < outcome.evicted["bytes"] / 2


def test_a_function_that_takes_too_long_is_ended(functions):
    (functions.root / "slow.py").write_text("import time\ndef handler(event, context):\n    time.sleep(60)\n")
    outcome = functions.invoke("slow.handler", "schedule", options=("--timeout", "1"))
    assert outcome.status == 3
    assert "longer than 1 s" in outcome.said["trouble"]
