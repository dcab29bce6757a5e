"""Parts of an object that boto3's transfer manager sends and fetches with its threads."""

import io
import sys

import boto3
from botocore.config import Config
from s3transfer.manager import TransferConfig, TransferManager

CLIENT = boto3.client(
    "s3", endpoint_url=sys.argv[2], region_name="eu-west-1", aws_access_key_id="AKIDEXAMPLE",
    aws_secret_access_key="not-a-secret", config=Config(s3={"addressing_style": "path"}, retries={"max_attempts": 0}),
)  # fmt: skip
PART = 5 << 20
MANAGER = TransferManager(CLIENT, TransferConfig(multipart_threshold=PART, multipart_chunksize=PART))


def work():
    content = bytes(range(256)) * (3 * PART // 256)
    MANAGER.upload(io.BytesIO(content), "bucket", "object").result()
    fetched = io.BytesIO()
    MANAGER.download("bucket", "object", fetched).result()
    return [len(fetched.getvalue()), fetched.getvalue() == content]
