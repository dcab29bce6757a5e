"""boto3 clients made at init sign with the credentials of the restored process."""

import pytest
import restores

PLACEHOLDERS = {"AWS_ACCESS_KEY_ID": "AKIDSNAPSHOT", "AWS_SECRET_ACCESS_KEY": "snapshot"}
RESTORED = {"AWS_ACCESS_KEY_ID": "AKIDRESTORED", "AWS_SECRET_ACCESS_KEY": "restored", "AWS_SESSION_TOKEN": "session"}

START = f"""
import json, os
import boto3, botocore.session
from botocore.credentials import Credentials
from glowplug import renewal

restored = {RESTORED!r}

def restore(**more):
    renewal.prepare()
    keep = {{name: value for name, value in os.environ.items() if name.startswith("AWS_") and name not in restored}}
    environment = {{**keep, **restored, **more}}
    renewal.renew({{os.fsencode(name): os.fsencode(value) for name, value in environment.items() if value is not None}})

def signed(client, call="list_tables", **arguments):
    # What is sent is caught right before it would leave.
    from botocore.awsrequest import AWSResponse
    sent = []
    def catch(request, **_):
        sent.append(dict(request.headers))
        return AWSResponse(request.url, 200, {{}}, None)
    client.meta.events.register("before-send", catch)
    try:
        getattr(client, call)(**arguments)
    except AttributeError:
        pass  # The answer has no body.
    headers = {{name: value.decode() if isinstance(value, bytes) else value for name, value in sent[-1].items()}}
    key = headers.get("Authorization", "").partition("Credential=")[2].partition("/")[0]
    return [key, headers.get("X-Amz-Security-Token")]
"""


@pytest.mark.parametrize("placeholders", [PLACEHOLDERS, dict.fromkeys(PLACEHOLDERS)], ids=["placeholders", "none"])
@pytest.mark.parametrize("used", [True, False], ids=["primed", "unused"])
def test_a_client_made_at_init_signs_with_the_restored_credentials(placeholders, used):
    prime = used and all(placeholders.values())
    assert restores.program(
        START
        + f"""
client = boto3.client("dynamodb")
if {prime}:
    assert signed(client) == ["AKIDSNAPSHOT", None]
restore()
print(json.dumps(signed(client)))
""",
        **placeholders,
    ) == ["AKIDRESTORED", "session"]


def test_resources_sessions_and_presigned_addresses_follow():
    said = restores.program(
        START
        + """
session = boto3.Session()
bucket = session.resource("s3").Bucket("orders")
plain = botocore.session.get_session().create_client("sqs")
held = session.get_credentials()
lone = boto3.Session().client("sns")
restore()
print(json.dumps([
    signed(bucket.meta.client, "list_buckets"),
    signed(plain, "list_queues"),
    signed(lone, "list_topics"),
    [held.access_key, held.secret_key, held.token, held.method],
    "AKIDRESTORED" in bucket.meta.client.generate_presigned_url("get_object", {"Bucket": "b", "Key": "k"}),
    boto3.client("dynamodb")._request_signer._credentials.access_key,
]))
""",
        **PLACEHOLDERS,
    )
    follow = ["AKIDRESTORED", "session"]
    assert said == [follow, follow, follow, ["AKIDRESTORED", "restored", "session", "env"], True, "AKIDRESTORED"]


def test_the_image_does_not_hold_the_keys_of_the_snapshot():
    assert restores.program(
        START
        + """
client = boto3.client("dynamodb")
before = client._request_signer._credentials.secret_key
renewal.prepare()
print(json.dumps([before, "secret_key" in vars(client._request_signer._credentials)]))
""",
        **PLACEHOLDERS,
    ) == ["snapshot", False]


def test_keys_that_the_program_chose_stay_and_those_it_read_follow():
    assert restores.program(
        START
        + """
own = boto3.client("dynamodb", aws_access_key_id="AKIDOWN", aws_secret_access_key="own")
read = boto3.client("dynamodb", aws_access_key_id=os.environ["AWS_ACCESS_KEY_ID"],
                    aws_secret_access_key=os.environ["AWS_SECRET_ACCESS_KEY"])
restore()
print(json.dumps([signed(own), signed(read)]))
""",
        **PLACEHOLDERS,
    ) == [["AKIDOWN", None], ["AKIDRESTORED", "session"]]


def test_an_unsigned_client_stays_unsigned():
    assert restores.program(
        START
        + """
from botocore import UNSIGNED
from botocore.config import Config
client = boto3.client("s3", config=Config(signature_version=UNSIGNED))
restore()
print(json.dumps(signed(client, "list_buckets")))
"""
    ) == ["", None]


def test_without_credentials_after_the_restore_it_says_so():
    assert (
        restores.program(
            START
            + """
client = boto3.client("dynamodb")
restore(AWS_ACCESS_KEY_ID=None, AWS_SECRET_ACCESS_KEY=None, AWS_SESSION_TOKEN=None, AWS_EC2_METADATA_DISABLED="true",
        AWS_SHARED_CREDENTIALS_FILE="/nowhere", AWS_CONFIG_FILE="/nowhere")
try:
    client.list_tables()
except Exception as error:
    print(json.dumps(type(error).__name__))
""",
            AWS_SHARED_CREDENTIALS_FILE="/nowhere",
            AWS_CONFIG_FILE="/nowhere",
            **PLACEHOLDERS,
        )
        == "NoCredentialsError"
    )


def test_container_credentials_come_from_the_restored_address():
    """As under SnapStart: an address and a token in the environment instead of keys."""
    asked, after = restores.program(
        START
        + """
import http.server, threading
asked = []
class Agent(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        asked.append([self.path, self.headers["Authorization"]])
        body = json.dumps({"AccessKeyId": "AKIDCONTAINER", "SecretAccessKey": "s", "Token": "t",
                           "Expiration": "2999-01-01T00:00:00Z"}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_):
        pass
client = boto3.client("dynamodb")
server = http.server.HTTPServer(("127.0.0.1", 0), Agent)
threading.Thread(target=server.serve_forever, daemon=True).start()
restore(AWS_ACCESS_KEY_ID=None, AWS_SECRET_ACCESS_KEY=None, AWS_SESSION_TOKEN=None,
        AWS_SHARED_CREDENTIALS_FILE="/nowhere", AWS_CONFIG_FILE="/nowhere",
        AWS_CONTAINER_CREDENTIALS_FULL_URI=f"http://127.0.0.1:{server.server_port}/credentials",
        AWS_CONTAINER_AUTHORIZATION_TOKEN="secret")
after = signed(client)
signed(client)
print(json.dumps([asked, after]))
""",
        AWS_SHARED_CREDENTIALS_FILE="/nowhere",
        AWS_CONFIG_FILE="/nowhere",
        **PLACEHOLDERS,
    )
    assert asked == [["/credentials", "secret"]]
    assert after == ["AKIDCONTAINER", "t"]


def test_keys_that_expire_are_looked_up_again():
    assert restores.program(
        START
        + """
client = boto3.client("dynamodb")
kind = type(client._request_signer._credentials).__name__
restore()
print(json.dumps([kind, *signed(client)]))
""",
        AWS_CREDENTIAL_EXPIRATION="2999-01-01T00:00:00Z",
        **PLACEHOLDERS,
    ) == ["RefreshableCredentials", "AKIDRESTORED", "session"]


def test_an_assumed_role_is_assumed_again():
    assert restores.program(
        START
        + """
from botocore.credentials import RefreshableCredentials
times = []
def assume():
    times.append(len(times))
    return {"access_key": f"AKIDROLE{len(times)}", "secret_key": "s", "token": "t",
            "expiry_time": "2999-01-01T00:00:00Z"}
session = botocore.session.get_session()
session._credentials = RefreshableCredentials.create_from_metadata(assume(), assume, "assume-role")
client = session.create_client("dynamodb")
before = signed(client)[0]
restore()
print(json.dumps([before, signed(client)[0], signed(client)[0]]))
""",
        **PLACEHOLDERS,
    ) == ["AKIDROLE1", "AKIDROLE2", "AKIDROLE2"]


def test_other_libraries_credentials_from_the_environment_are_filled_in():
    """aiobotocore derives its own classes."""
    assert restores.program(
        START
        + """
class Own(Credentials):
    async def get_frozen_credentials(self):
        return self
held = Own("AKIDSNAPSHOT", "snapshot", method="env")
restore()
print(json.dumps([held.access_key, held.secret_key, held.token]))
""",
        **PLACEHOLDERS,
    ) == ["AKIDRESTORED", "restored", "session"]


def test_a_second_image_looks_up_again():
    assert restores.program(
        START
        + """
client = boto3.client("dynamodb")
restore()
first = signed(client)
restored["AWS_ACCESS_KEY_ID"] = "AKIDSECOND"
restore()
print(json.dumps([first[0], signed(client)[0]]))
""",
        **PLACEHOLDERS,
    ) == ["AKIDRESTORED", "AKIDSECOND"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("'dynamodb'", "a boto3 client was made for AWS_DEFAULT_REGION=eu-central-1, which is now us-east-1"),
        ("'dynamodb', region_name='eu-west-1'", "restored"),
    ],
    ids=["of-the-environment", "of-its-own"],
)
def test_a_client_of_another_region_refuses_the_restore(arguments, said):
    assert (
        restores.program(
            START
            + f"""
client = boto3.client({arguments})
try:
    restore(AWS_DEFAULT_REGION="us-east-1")
    print(json.dumps("restored"))
except renewal.RestoreRefused as error:
    print(json.dumps(str(error)))
""",
            **PLACEHOLDERS,
        )
        == said
    )


def test_a_client_made_after_the_restore_has_the_new_region():
    assert (
        restores.program(
            START
            + """
session = boto3.Session()
session.get_credentials()
restore(AWS_DEFAULT_REGION="us-east-1")
print(json.dumps(boto3.client("dynamodb").meta.region_name))
""",
            **PLACEHOLDERS,
        )
        == "us-east-1"
    )
