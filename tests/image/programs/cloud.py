"""Makes boto3 clients, and uses them behind its snapshot point."""

import json
import os

import boto3
import glowplug

where = {"endpoint_url": os.environ["ENDPOINT"], "region_name": "eu-central-1"}
dynamodb = boto3.client("dynamodb", **where)
tables = boto3.resource("dynamodb", **where)
s3 = boto3.client("s3", **where)
glowplug.snapshot_point()


def work(run):
    """Writes and reads a table and a bucket."""
    dynamodb.create_table(
        TableName=run,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    table = tables.Table(run)
    table.put_item(Item={"id": "one", "weight": 12})
    s3.create_bucket(Bucket=run, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    s3.put_object(Bucket=run, Key="a/b", Body=b"content" * 1000)
    return {
        "item": int(table.get_item(Key={"id": "one"})["Item"]["weight"]),
        "tables": dynamodb.list_tables()["TableNames"],
        "content": len(s3.get_object(Bucket=run, Key="a/b")["Body"].read()),
        "keys": [entry["Key"] for entry in s3.list_objects_v2(Bucket=run)["Contents"]],
    }


said = work(os.environ["RUN"]) if "RUN" in os.environ else dynamodb.list_tables()["TableNames"]
print(json.dumps({"rung": glowplug.status()["rung"], "said": said}))
