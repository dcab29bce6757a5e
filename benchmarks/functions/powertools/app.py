"""Powertools for AWS Lambda: Logger, Tracer, Metrics and the event handler."""

import json

from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver
from aws_lambda_powertools.metrics import MetricUnit

logger = Logger(service="orders", level="WARNING")
metrics = Metrics(namespace="shop", service="orders")
tracer = Tracer(service="orders", disabled=True)
app = APIGatewayHttpResolver()


@app.post("/orders/<customer>")
@tracer.capture_method
def order(customer):
    body = app.current_event.json_body
    metrics.add_metric(name="orders", unit=MetricUnit.Count, value=1)
    logger.info("ordered", extra={"customer": customer})
    return {"customer": customer, "order": body["id"]}


@metrics.log_metrics
def handler(event, context):
    response = app.resolve(event, context)
    return {"statusCode": response["statusCode"], "body": json.loads(response["body"])}
