"""The demo function: what a small order service behind Lambda looks like.

At init it makes a boto3 client, declares a pydantic model and reads a JSON resource; the handler
validates an order, prices it, and signs an upload address (no network is needed for that).
"""

import json
from importlib import resources

import boto3
from pydantic import BaseModel, Field

PRICES = json.loads(resources.files("catalogue").joinpath("prices.json").read_text("utf-8"))
S3 = boto3.client(
    "s3",
    region_name="eu-central-1",
    aws_access_key_id="AKIDEXAMPLE",
    aws_secret_access_key="not-a-real-key",
)


class Line(BaseModel):
    article: str
    count: int = Field(gt=0)


class Order(BaseModel):
    number: str
    lines: list[Line]

    def total(self) -> float:
        return round(sum(PRICES[line.article] * line.count for line in self.lines), 2)


def handler(event, context):
    order = Order.model_validate(event)
    upload = S3.generate_presigned_url(
        "put_object", Params={"Bucket": "orders", "Key": f"{order.number}.json"}, ExpiresIn=60
    )
    return {"order": order.number, "total": order.total(), "upload": upload.partition("?")[0]}
