"""Powertools' Logger, Tracer and Metrics, with what they write caught."""

import contextlib
import io
import json

from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.metrics import MetricUnit
from aws_xray_sdk import global_sdk_config
from aws_xray_sdk.core import xray_recorder

written = io.StringIO()
logger = Logger(service="stall", stream=written)
metrics = Metrics(namespace="orchard", service="stall")
tracer = Tracer(service="stall", disabled=False, auto_patch=False)
global_sdk_config.set_sdk_enabled(True)  # Tracer turns it off outside of Lambda
segments = []


@tracer.capture_method
def weigh(grams):
    segments.append(xray_recorder.current_subsegment().name)
    logger.info("weighed", extra={"grams": grams})
    metrics.add_metric(name="grams", unit=MetricUnit.Count, value=grams)
    return grams * 2


@logger.inject_lambda_context(log_event=True)
@metrics.log_metrics
def work(event, context):
    return weigh(event["grams"])


def handler(event, context):
    segments.clear()
    written.seek(0)
    written.truncate()
    printed = io.StringIO()
    xray_recorder.configure(context_missing="IGNORE_ERROR", sampling=False)
    with contextlib.redirect_stdout(printed), xray_recorder.in_segment("test") as segment:
        doubled = work(event, context)
        segment.sampled = False
    logs = [json.loads(line) for line in written.getvalue().splitlines()]
    metric = json.loads(printed.getvalue())
    return {
        "doubled": doubled,
        "segments": segments,
        "logs": [[log["level"], log["message"], log["service"], log.get("grams"), log["location"]] for log in logs],
        "metric": [metric["grams"], metric["service"], metric["_aws"]["CloudWatchMetrics"]],
    }
