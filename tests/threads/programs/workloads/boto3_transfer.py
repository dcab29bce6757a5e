"""Parts of an object that boto3's transfer manager sends and fetches with its threads.

Nothing may connect before the image is taken: the first work, a small object, is answered in the process.
"""

# The first connection looks for it, with an extension module that not everybody may read who starts the image.
import encodings.idna  # noqa: F401
import io
import sys

import boto3
from botocore.awsrequest import AWSResponse
from botocore.config import Config
from s3transfer.manager import TransferConfig, TransferManager

CLIENT = boto3.client(
    "s3", endpoint_url=sys.argv[2], region_name="eu-west-1", aws_access_key_id="AKIDEXAMPLE",
    aws_secret_access_key="not-a-secret", config=Config(s3={"addressing_style": "path"}, retries={"max_attempts": 0}),
)  # fmt: skip
PART = 5 << 20
MANAGER = TransferManager(CLIENT, TransferConfig(multipart_threshold=PART, multipart_chunksize=PART))
CONTENT = bytes(range(256)) * (3 * PART // 256)
STARTED = []


class Nothing(io.BytesIO):
    def stream(self, *arguments, **options):
        return iter(())


def answered(request, **_):
    STARTED.append(request.method)
    return AWSResponse(request.url, 200, {"ETag": '"object"'}, Nothing())


def work():
    if not STARTED:
        CLIENT.meta.events.register("before-send.s3", answered)
        MANAGER.upload(io.BytesIO(b"small"), "bucket", "object").result()
        CLIENT.meta.events.unregister("before-send.s3", answered)
        return STARTED == ["PUT"]
    MANAGER.upload(io.BytesIO(CONTENT), "bucket", "object").result()
    fetched = io.BytesIO()
    MANAGER.download("bucket", "object", fetched).result()
    return fetched.getvalue() == CONTENT
