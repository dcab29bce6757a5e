"""awslambdaric's native client is loaded by the restored process, never in the image."""

import restores

START = "import json, os, sys\nfrom glowplug import renewal\nfrom glowplug.renewal import awslambdaric_\n"


def test_a_loaded_native_client_refuses_the_image():
    said = restores.program(
        START
        + """
import awslambdaric.bootstrap
try:
    renewal.prepare()
except renewal.SnapshotRefused as error:
    print(json.dumps(str(error)))
"""
    )
    assert said.startswith("awslambdaric's runtime_client is loaded and keeps the address of the runtime API")


def test_preloaded_it_asks_the_restored_address():
    """The rest of it is in the image; the native part reads the address when it is first used."""
    said = restores.program(
        START
        + """
awslambdaric_.preload()
loaded = ["runtime_client" in sys.modules, "awslambdaric.bootstrap" in sys.modules]
renewal.prepare()

import socket, threading
server = socket.create_server(("127.0.0.1", 0))
asked = []
def serve():
    connection, _ = server.accept()
    asked.append(connection.recv(10000).decode())
    connection.sendall(b"HTTP/1.1 200 OK\\r\\nLambda-Runtime-Aws-Request-Id: 7\\r\\nLambda-Runtime-Deadline-Ms: 1\\r\\n"
                       b"Content-Type: application/json\\r\\nLambda-Runtime-Trace-Id: 8\\r\\n"
                       b"Lambda-Runtime-Invoked-Function-Arn: 9\\r\\nContent-Length: 2\\r\\n\\r\\n{}")
    connection.close()
threading.Thread(target=serve, daemon=True).start()

address = f"127.0.0.1:{server.getsockname()[1]}"
os.environ["AWS_LAMBDA_RUNTIME_API"] = address
renewal.renew({b"AWS_LAMBDA_RUNTIME_API": address.encode()})
from awslambdaric.lambda_runtime_client import LambdaRuntimeClient
request = LambdaRuntimeClient(address).wait_next_invocation()
print(json.dumps([loaded, request.invoke_id, asked[0].partition(" HTTP")[0], "aws-lambda-python" in asked[0],
                  type(sys.modules["awslambdaric.lambda_runtime_client"].runtime_client).__name__]))
sys.stdout.flush()
os._exit(0)
"""
    )
    assert said == [[False, True], "7", "GET /2018-06-01/runtime/invocation/next", True, "module"]


def test_the_log_format_is_the_restored_one():
    assert restores.program(
        START
        + """
awslambdaric_.preload()
from awslambdaric import bootstrap
before = [bootstrap._AWS_LAMBDA_LOG_FORMAT == bootstrap.LogFormat.TEXT, bootstrap._AWS_LAMBDA_LOG_LEVEL]
renewal.prepare()
renewal.renew({b"AWS_LAMBDA_LOG_FORMAT": b"JSON", b"AWS_LAMBDA_LOG_LEVEL": b"WARN"})
after = [bootstrap._AWS_LAMBDA_LOG_FORMAT == bootstrap.LogFormat.JSON, bootstrap._AWS_LAMBDA_LOG_LEVEL]
print(json.dumps([before, after]))
"""
    ) == [[True, ""], [True, "WARN"]]


def test_responses_are_encoded_as_for_the_restored_runtime():
    """From Python 3.12 on, Lambda's runtimes leave characters as they are."""
    assert restores.program(
        START
        + """
awslambdaric_.preload()
from awslambdaric.lambda_runtime_client import LambdaRuntimeClient
marshaller = LambdaRuntimeClient("127.0.0.1:1").marshaller
said = [marshaller.marshal_response("\u00e4")[0]]
renewal.prepare()
for version in ("3.12", "3.11"):
    renewal.renew({b"AWS_EXECUTION_ENV": b"AWS_Lambda_python" + version.encode()})
    said.append(marshaller.marshal_response("\u00e4")[0])
print(json.dumps(said))
"""
    ) == ['"\\u00e4"', '"\u00e4"', '"\\u00e4"']


def test_an_awslambdaric_that_needs_its_native_module_is_left_for_later(tmp_path):
    """As versions before 2 are."""
    (tmp_path / "awslambdaric").mkdir()
    (tmp_path / "awslambdaric" / "__init__.py").write_text("")
    (tmp_path / "awslambdaric" / "bootstrap.py").write_text("import runtime_client\n")
    assert restores.program(
        START
        + f"""
sys.path.insert(0, {str(tmp_path)!r})
awslambdaric_.preload()
renewal.prepare()
print(json.dumps(["runtime_client" in sys.modules, "awslambdaric.bootstrap" in sys.modules]))
"""
    ) == [False, False]


def test_without_awslambdaric_nothing_is_preloaded():
    assert (
        restores.program(
            START
            + """
sys.modules["awslambdaric"] = None
awslambdaric_.preload()
renewal.prepare()
print(json.dumps("runtime_client" in sys.modules))
"""
        )
        is False
    )
