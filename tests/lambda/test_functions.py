"""Functions in the local sandbox, from the layer and without it, with awslambdaric as their runtime."""

import json
import re

import pytest


def test_fastapi_answers_an_http_api(functions):
    event = "apigw-v2:path=/items/5,query=name=spark plug"
    layer = functions.layer("web.handler", event)
    response = functions.invoke("web.handler", event, layer=layer, GLOWPLUG_STRICT=1).response
    assert response["statusCode"] == 200
    assert json.loads(response["body"]) == {"number": 5, "name": "spark plug"}
    body = 'apigw-v2:path=/items,method=POST,body={"number": 6, "name": "x"}'
    assert json.loads(functions.invoke("web.handler", body, layer=layer).response["body"])["number"] == 6


def test_powertools_logs_json_with_the_invocations_context(functions):
    layer = functions.layer("logs.handler", "sqs")
    outcome = functions.invoke("logs.handler", 'sqs:body={"order": 7}', layer=layer, GLOWPLUG_STRICT=1)
    assert outcome.response == {"batchItemFailures": []}
    (line,) = [json.loads(line) for line in outcome.log.splitlines() if line.startswith("{")]
    assert (line["message"], line["order"], line["service"], line["location"]) == ("an order", 7, "orders", "handler")
    assert line["cold_start"] is True
    assert line["function_memory_size"] == "512"


def test_pandas_reads_what_an_s3_event_names(functions):
    event = "s3:key=orders.csv"
    layer = functions.layer("report.handler", event)
    outcome = functions.invoke("report.handler", event, layer=layer, GLOWPLUG_STRICT=1)
    assert outcome.response == {"2024-02": 12.5, "2024-03": 107.25}


def test_the_layer_changes_nothing_that_a_function_sees(functions, layer):
    served = functions.invoke("surroundings.handler", "schedule", layer=layer).response
    plain = functions.invoke("surroundings.handler", "schedule", layer=layer, GLOWPLUG_MODE="off").response
    assert served["status"]["rung"] == "code"
    assert served["status"]["archive"].startswith("/opt/glowplug/")
    assert plain["status"]["rung"] == "plain"
    changing = ("AWS_LAMBDA_RUNTIME_API", "_X_AMZN_TRACE_ID", "GLOWPLUG_MODE")
    for response in (served, plain):
        del response["status"], response["milliseconds_left"]
        response["environment"] = {k: v for k, v in response["environment"].items() if k not in changing}
    assert served == plain


def test_the_sandbox_answers_as_the_service_does(functions):
    response = functions.invoke("surroundings.handler", "schedule", options=("--timeout", "20")).response
    assert response["event"] == "dict"
    assert 10_000 < response["milliseconds_left"] <= 20_000
    assert response["arn"].startswith("arn:aws:lambda:")
    assert response["path"][0] == response["environment"]["LAMBDA_TASK_ROOT"]


def comparable(outcome):
    """What the function reported and logged, without what differs between any two starts."""
    log = re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|\d{4}-\d\d-\d\dT[\d:.]+Z|0x[0-9a-f]+", "*", outcome.log)
    said = json.dumps(outcome.said, sort_keys=True)
    return json.loads(re.sub(r'"requestId": "[^"]*"', '"requestId": "*"', said)), log


@pytest.mark.parametrize(
    ("handler", "error"),
    [
        ("fails_at_import.handler", "ConnectionError"),
        ("mistyped.handler", "Runtime.UserCodeSyntaxError"),
        ("missing.handler", "Runtime.ImportModuleError"),
        ("surroundings.missing", "Runtime.HandlerNotFound"),
    ],
)
def test_a_function_that_cannot_be_imported_reports_the_same_error(functions, layer, handler, error):
    (functions.root / "mistyped.py").write_text("def handler(event, context):\n    return {\n")
    served = functions.invoke(handler, "schedule", layer=layer)
    plain = functions.invoke(handler, "schedule")
    assert plain.said["init_error"]["error_type"].endswith(error)
    assert comparable(served) == comparable(plain)


@pytest.mark.parametrize("handler", ["exits.at_import", "exits.in_handler", "exits.raises"])
def test_a_function_that_ends_badly_does_so_in_the_same_way(functions, layer, handler):
    served = functions.invoke(handler, "schedule", layer=layer)
    plain = functions.invoke(handler, "schedule")
    assert plain.status == 3
    assert comparable(served) == comparable(plain)
