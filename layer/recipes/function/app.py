"""The function that all recipes deploy: answers with an order's total."""

from decimal import Decimal

from aws_lambda_powertools import Logger

log = Logger(service="orders")


def handler(event, context):
    """`{"prices": ["1.50", "2"]}` gives `{"total": "3.50"}`."""
    total = sum((Decimal(price) for price in event["prices"]), Decimal())
    log.info("added up", extra={"total": total})
    return {"total": str(total)}
