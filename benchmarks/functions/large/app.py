"""A larger function: boto3, pandas, pydantic and Powertools together, as a small data service has them."""

import io

import boto3
import pandas as pd
from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.utilities.parser import event_parser
from pydantic import BaseModel, Field

logger = Logger(service="report", level="WARNING")
metrics = Metrics(namespace="shop", service="report")
tracer = Tracer(service="report", disabled=True)
s3 = boto3.client("s3", region_name="eu-central-1")
dynamodb = boto3.client("dynamodb", region_name="eu-central-1")


class Request(BaseModel):
    bucket: str = Field(min_length=3)
    orders: str


@tracer.capture_method
def totals(table):
    return {str(customer): float(total) for customer, total in table.groupby("customer")["total"].sum().items()}


@event_parser(model=Request)
def handler(event, context):
    table = pd.read_csv(io.StringIO(event.orders))
    url = s3.generate_presigned_url("put_object", Params={"Bucket": event.bucket, "Key": "report.json"})
    return {"totals": totals(table), "upload": url.split("?")[0], "table": dynamodb.meta.service_model.service_id}
