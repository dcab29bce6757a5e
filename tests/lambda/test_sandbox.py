"""The sandbox itself: Lambda's order, extensions, isolation."""

import json
import shutil

import page_cache
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
    order += ["runtime is executed", "handler imported", "runtime asks for an event"]
    order += ["Init is over"]
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


def test_a_cold_start_evicts_the_files_that_it_reads_and_no_others(functions, layer_copy):
    (archive,) = layer_copy.glob("glowplug/*.glow")
    unused = functions.root / "unused.txt"
    unused.write_text("x" * 50_000)
    page_cache.write_back(archive, unused)
    options = ("--cold", "--fault", "register=403")
    outcome = functions.invoke("surroundings.handler", "schedule", layer=layer_copy, options=options)
    assert outcome.response["status"]["rung"] == "code"
    # Eviction is of a whole file; the kernel takes a page by itself now and then.
    assert page_cache.resident(unused) >= 40_000
    evicted = outcome.evicted
    # The archive, the start script, the loader, the interpreter with its libraries, the function, awslambdaric.
    assert 15 < evicted["files"] < 1000
    assert evicted["left"] == sum(file["bytes"] for file in evicted["kept"])
    assert not {str(archive), str(functions.root / "surroundings.py")} & {file["path"] for file in evicted["kept"]}


def test_the_handler_counts_as_imported_when_it_has_been_imported(functions):
    (functions.root / "clock.py").write_text(
        "import time\ntime.sleep(0.3)\nimported = time.monotonic()\n"
        "def handler(event, context):\n    return time.monotonic() - imported\n"
    )
    outcome = functions.invoke("clock.handler", "schedule")
    assert outcome.at("handler imported") - outcome.at("runtime is executed") > 300
    assert outcome.at("handler imported") <= outcome.at("runtime asks for an event")
    # The function's own clock, from the end of its import to its invocation, against the sandbox's.
    seen = outcome.at("first response") - outcome.at("handler imported")
    assert abs(seen - outcome.response * 1000) < 50


TELEMETRY = """#!/usr/bin/env python3
import http.client, http.server, json, os, threading
seen = []
class Listener(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        seen.extend(event["type"] for event in json.loads(body))
        self.send_response(200)
        self.end_headers()
    def log_message(self, *_):
        pass
server = http.server.HTTPServer(("127.0.0.1", 0), Listener)
threading.Thread(target=server.serve_forever, daemon=True).start()
api = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
def call(method, path, body, **headers):
    api.request(method, path, json.dumps(body), headers)
    answer = api.getresponse()
    return answer, answer.read()
answer, _ = call("POST", "/2020-01-01/extension/register", {"events": ["INVOKE", "SHUTDOWN"]},
                 **{"Lambda-Extension-Name": "telemetry"})
identifier = {"Lambda-Extension-Identifier": answer.headers["Lambda-Extension-Identifier"]}
wanted = {"schemaVersion": "2022-12-13", "types": ["platform"], "buffering": {"timeoutMs": 25, "maxItems": 1000},
          "destination": {"protocol": "HTTP", "URI": f"http://127.0.0.1:{server.server_port}"}}
answer, _ = call("PUT", "/2022-07-01/telemetry", wanted, **identifier)
print("subscribed", answer.status, flush=True)
while json.loads(call("GET", "/2020-01-01/extension/event/next", None, **identifier)[1])["eventType"] != "SHUTDOWN":
    pass
print("seen", *seen, flush=True)
"""


def test_the_telemetry_api_takes_a_subscription_and_delivers(functions, layer_copy):
    extension = layer_copy / "extensions" / "telemetry"
    extension.parent.mkdir()
    extension.write_text(TELEMETRY)
    extension.chmod(0o755)
    outcome = functions.invoke("surroundings.handler", "schedule", layer=layer_copy)
    assert outcome.response["status"]["rung"] == "code"
    first, last = outcome.extension_log.splitlines()
    assert first == "subscribed 200"
    assert {"platform.start", "platform.runtimeDone"} <= set(last.split())


def test_memory_is_enforced_or_it_is_said_why_not(functions):
    (functions.root / "hungry.py").write_text("def handler(event, context):\n    return len(b'x' * (300 << 20))\n")
    outcome = functions.invoke("hungry.handler", "schedule", options=("--memory", "128"))
    if outcome.memory["not_enforced"]:
        assert outcome.response == 300 << 20
        return
    assert outcome.status == 3
    assert "out of memory" in outcome.said["trouble"]
    assert outcome.memory["killed"] == 1
    assert outcome.memory["peak"] <= 128 << 20
    assert functions.invoke("hungry.handler", "schedule", options=("--memory", "1024")).response == 300 << 20


def test_a_function_that_takes_too_long_is_ended(functions):
    (functions.root / "slow.py").write_text("import time\ndef handler(event, context):\n    time.sleep(60)\n")
    outcome = functions.invoke("slow.handler", "schedule", options=("--timeout", "1"))
    assert outcome.status == 3
    assert "longer than 1 s" in outcome.said["trouble"]
