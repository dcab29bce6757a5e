"""A client made at init, and a presigned URL, which needs the service's model, endpoint rules and a signature."""

from urllib.parse import parse_qs, urlsplit

import boto3

s3 = boto3.client("s3")


def handler(event, context):
    url = urlsplit(s3.generate_presigned_url("get_object", Params={"Bucket": event["bucket"], "Key": "a/b c.txt"}))
    return {
        "host": url.netloc,
        "path": url.path,
        "query": sorted(parse_qs(url.query)),
        "operations": len(s3.meta.service_model.operation_names),
        "paginates": s3.can_paginate("list_objects_v2"),
    }
