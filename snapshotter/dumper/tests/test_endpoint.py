"""The address that awslambdaric's native client keeps is replaced."""

import importlib.util
import os
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from dumping import dumper_file

VARIABLE = "AWS_LAMBDA_RUNTIME_API"
PROGRAM = f"""
import os, sys
sys.path.insert(0, sys.argv[1])
from dumping import load_dumper
dumper = load_dumper()
# A library without such a string.
assert dumper.load_with_endpoint(sys.argv[5]) is None
assert dumper.load_with_endpoint("/nowhere/at/all.so") is None
endpoint = dumper.load_with_endpoint(sys.argv[2])
assert endpoint is not None
# Neither Python nor C has the placeholder.
assert os.environ.get("{VARIABLE}") == sys.argv[4]
assert f"{VARIABLE}={{sys.argv[4]}}".encode() in open("/proc/self/environ", "rb").read().split(b"\\0")
import runtime_client
assert runtime_client.__file__ == sys.argv[2]
runtime_client.initialize_client("before")
try:
    endpoint.set(b"1" * 301)
except ValueError as error:
    assert "too long" in str(error)
else:
    raise AssertionError
for address in (b"127.0.0.1:1", sys.argv[3].encode()):
    endpoint.set(address)
runtime_client.initialize_client("tests")
request, headers = runtime_client.next()
print(request.decode(), headers["Lambda-Runtime-Aws-Request-Id"])
"""
ANSWER = (
    b"HTTP/1.1 200 OK\r\nLambda-Runtime-Aws-Request-Id: 7\r\nLambda-Runtime-Deadline-Ms: 1\r\n"
    b"Content-Type: application/json\r\nContent-Length: 4\r\n\r\nnext"
)


@pytest.fixture
def asked():
    """An address, and what is asked there; each connection is answered once."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        requests = []

        def serve():
            connection, _ = server.accept()
            with connection:
                requests.append(connection.recv(10_000).decode())
                connection.sendall(ANSWER)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"127.0.0.1:{server.getsockname()[1]}", requests


def test_the_client_asks_at_the_address_that_was_set_last(asked):
    address, requests = asked
    native = importlib.util.find_spec("runtime_client").origin
    command = [sys.executable, "-c", PROGRAM, Path(__file__).parent, native, address, "127.0.0.1:9", dumper_file()]
    environment = {**os.environ, VARIABLE: "127.0.0.1:9"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, timeout=60)
    assert (done.returncode, done.stderr, done.stdout) == (0, "", "next 7\n")
    (request,) = requests
    assert request.startswith("GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\n")
    assert f"Host: {address}\r\n" in request
    assert "User-Agent: tests" in request
