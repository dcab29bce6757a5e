"""`glowplug event`, and the samples as seen by the libraries that read them."""

import base64
import gzip
import json

import pytest
from processes import glowplug

NAMES = [
    *("apigw-v2", "apigw-rest", "alb", "function-url", "sqs", "sns", "s3", "dynamodb", "kinesis"),
    *("eventbridge", "schedule", "cloudwatch-logs", "cognito"),
]


def event(text):
    return json.loads(glowplug("event", text).silently().out)


@pytest.mark.parametrize("name", NAMES)
def test_each_event_can_be_printed(name):
    assert event(name)


def test_the_list_has_every_name():
    listed = [line.split()[0] for line in glowplug("event", "--list").silently().out.splitlines() if line[0] != " "]
    assert listed == NAMES


@pytest.mark.parametrize(
    ("name", "data_class", "check"),
    [
        ("apigw-v2:path=/a,method=PUT", "APIGatewayProxyEventV2", lambda e: (e.path, e.http_method) == ("/a", "PUT")),
        ("apigw-rest:query=a=1", "APIGatewayProxyEvent", lambda e: e.query_string_parameters == {"a": "1"}),
        ("alb", "ALBEvent", lambda e: e.request_context.elb_target_group_arn.startswith("arn:")),
        ("function-url", "LambdaFunctionUrlEvent", lambda e: e.request_context.http.method == "GET"),
        ("sqs:body=hello", "SQSEvent", lambda e: next(e.records).body == "hello"),
        ("sns:message=hello", "SNSEvent", lambda e: e.sns_message == "hello"),
        ("s3:bucket=b,key=k", "S3Event", lambda e: (e.bucket_name, e.object_key) == ("b", "k")),
        ("dynamodb", "DynamoDBStreamEvent", lambda e: next(e.records).dynamodb.new_image["customer"] == "Ada"),
        ("kinesis:data=hello", "KinesisStreamEvent", lambda e: next(e.records).kinesis.data_as_text() == "hello"),
        ("eventbridge", "EventBridgeEvent", lambda e: e.detail == {"order": 5}),
        ("schedule", "EventBridgeEvent", lambda e: e.detail_type == "Scheduled Event"),
    ],
)
def test_powertools_reads_the_event(name, data_class, check):
    from aws_lambda_powertools.utilities import data_classes

    assert check(getattr(data_classes, data_class)(event(name)))


def test_logs_are_compressed_as_the_service_does():
    data = event("cloudwatch-logs:message=hello")["awslogs"]["data"]
    inside = json.loads(gzip.decompress(base64.b64decode(data, validate=True)))
    assert inside["logEvents"][0]["message"] == "hello"


@pytest.mark.parametrize("text", ["no-such", "sqs:nothing", "sqs:colour=red", "s3:size=large", "alb:headers.a.b=c"])
def test_what_is_wrong_is_one_line(text):
    done = glowplug("event", text)
    assert (done.status, len(done.err.splitlines()), done.out) == (2, 1, "")
