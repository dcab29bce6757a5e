"""A boto3 client, and a presigned address behind the snapshot point."""

import json
from urllib.parse import urlsplit

import boto3
import glowplug

s3 = boto3.client("s3", region_name="eu-central-1", aws_access_key_id="AKIDEXAMPLE", aws_secret_access_key="not-one")
s3.generate_presigned_url("get_object", Params={"Bucket": "b", "Key": "k"})
glowplug.snapshot_point()
url = urlsplit(s3.generate_presigned_url("get_object", Params={"Bucket": "orders", "Key": "a/b c.txt"}))
answer = [url.netloc, url.path, len(s3.meta.service_model.operation_names)]
print(json.dumps({"rung": glowplug.status()["rung"], "answer": answer}))
