"""boto3: clients for S3 and DynamoDB made at init, a URL signed and an item serialised."""

from urllib.parse import urlsplit

import boto3
from boto3.dynamodb.types import TypeSerializer

s3 = boto3.client("s3", region_name="eu-central-1")
dynamodb = boto3.client("dynamodb", region_name="eu-central-1")


def handler(event, context):
    url = s3.generate_presigned_url("get_object", Params={"Bucket": event["bucket"], "Key": event["key"]})
    return {
        "host": urlsplit(url).netloc,
        "item": TypeSerializer().serialize({"key": event["key"], "size": event["size"]}),
        "table": dynamodb.meta.service_model.service_id,
    }
