"""A stand-in for AWS: moto's server in a process of its own, on a free port of this machine."""

import base64
import hashlib
import json
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass

import boto3
import pytest
from processes import AWS, environment


def sha256(data):
    """A hash as Lambda's API writes it."""
    return base64.b64encode(hashlib.sha256(data).digest()).decode()


@dataclass
class Account:
    """What the server at that address knows."""

    address: str

    def client(self, service):
        """A client of boto3's."""
        return boto3.client(
            service,
            endpoint_url=self.address,
            region_name=AWS["AWS_DEFAULT_REGION"],
            aws_access_key_id=AWS["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=AWS["AWS_SECRET_ACCESS_KEY"],
        )

    def forget(self):
        """Makes the account empty."""
        urllib.request.urlopen(f"{self.address}/moto-api/reset", data=b"", timeout=30).close()

    def create_function(self, name, code, **options):
        """Creates a function with a role of its own."""
        policy = {
            "Version": "2012-10-17",
            "Statement": [
                {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}}
            ],
        }
        role = self.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(policy))["Role"]
        return self.client("lambda").create_function(
            FunctionName=name, Role=role["Arn"], Runtime="python3.12", Handler="app.handler", Code={"ZipFile": code},
            **options,
        )  # fmt: skip


@contextmanager
def running(log):
    """The address of a server, until the block ends."""
    with socket.socket() as chosen:
        chosen.bind(("127.0.0.1", 0))
        port = chosen.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with log.open("wb") as output:
        server = subprocess.Popen(command, stdout=output, stderr=output, env=environment())
    try:
        wait_for(address, server, log)
        yield address
    finally:
        server.terminate()
        server.wait(30)


def wait_for(address, server, log):
    """Returns when the server answers."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and server.poll() is None:
        try:
            urllib.request.urlopen(f"{address}/moto-api/", timeout=5).close()
            return
        except (urllib.error.URLError, TimeoutError):
            time.sleep(0.1)
    pytest.fail(f"moto's server does not answer:\n{log.read_text()}")
