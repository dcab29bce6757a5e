"""Powertools' Logger, writing JSON with the invocation's context."""

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.data_classes import SQSEvent, event_source

logger = Logger(service="orders", location="%(funcName)s")


@logger.inject_lambda_context
@event_source(data_class=SQSEvent)
def handler(event, context):
    for record in event.records:
        logger.info("an order", extra={"order": record.json_body["order"]})
    return {"batchItemFailures": []}
