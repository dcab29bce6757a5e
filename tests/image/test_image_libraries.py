"""Clients and connection pools that were made at init work with the restored process's surroundings."""

import contextlib
import http.server
import json
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

MOTO = Path(__file__).resolve().parents[2] / "target" / "venvs" / "recipes" / "bin" / "python"

PLACEHOLDERS = ("--env", "AWS_ACCESS_KEY_ID=AKIDSNAPSHOT", "--env", "AWS_SECRET_ACCESS_KEY=snapshot")
RESTORED = {
    "AWS_ACCESS_KEY_ID": "AKIDRESTORED",
    "AWS_SECRET_ACCESS_KEY": "restored",
    "AWS_SESSION_TOKEN": "session-of-the-restored",
}


def cloud(workshop, name, address):
    """An image with clients of what is at that address."""
    options = ("--env", f"ENDPOINT={address}", *PLACEHOLDERS)
    return workshop.take(name, "cloud.py", options=options, variables={"ENDPOINT": address})


class Recorder(http.server.BaseHTTPRequestHandler):
    """Answers as DynamoDB does to ListTables, and keeps the request's headers."""

    seen = []  # noqa: RUF012 (of the class on purpose)

    def do_POST(self):
        self.seen.append(dict(self.headers))
        self.rfile.read(int(self.headers["Content-Length"]))
        answer = b'{"TableNames": ["orders"]}'
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def endpoint():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Recorder) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_a_client_made_at_init_signs_with_the_restored_key(workshop, endpoint):
    image = cloud(workshop, "cloud-signing", endpoint)
    Recorder.seen.clear()
    for key in ("AKIDRESTORED", "AKIDANOTHER"):
        done = image.restored(variables={**RESTORED, "AWS_ACCESS_KEY_ID": key})
        assert json.loads(done.out) == {"rung": "image", "said": ["orders"]}
    one, other = Recorder.seen
    assert one["Authorization"].startswith("AWS4-HMAC-SHA256 Credential=AKIDRESTORED/")
    assert other["Authorization"].startswith("AWS4-HMAC-SHA256 Credential=AKIDANOTHER/")
    assert one["X-Amz-Security-Token"] == other["X-Amz-Security-Token"] == "session-of-the-restored"


@contextlib.contextmanager
def moto(log):
    """moto's server, from the environment of the recipes' tests."""
    with socket.create_server(("127.0.0.1", 0)) as chosen:
        port = chosen.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    with log.open("wb") as output:
        command = [MOTO, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
        server = subprocess.Popen(command, stdout=output, stderr=output, env={"PATH": "/usr/bin:/bin"})
    try:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and server.poll() is None:
            with contextlib.suppress(urllib.error.URLError, TimeoutError):
                urllib.request.urlopen(f"{address}/moto-api/", timeout=5).close()
                break
            time.sleep(0.1)
        yield address
    finally:
        server.terminate()
        server.wait(30)


@pytest.mark.skipif(not MOTO.exists(), reason="needs moto: target/venvs/recipes, which `make recipes-check` makes")
def test_dynamodb_and_s3_work_against_motos_server(workshop, tmp_path):
    with moto(tmp_path / "moto.log") as address:
        image = cloud(workshop, "cloud-moto", address)
        for run in ("first-run", "second-run"):
            said = json.loads(image.restored(variables={**RESTORED, "RUN": run}).out)
            assert said["rung"] == "image"
            assert said["said"]["item"] == 12
            assert run in said["said"]["tables"]
            assert (said["said"]["content"], said["said"]["keys"]) == (7000, ["a/b"])


def test_a_pool_of_sqlalchemy_opens_a_fresh_connection(workshop):
    image = workshop.take("orders", "orders.py", workshop.folder / "orders.db")
    counted = []
    for _ in range(3):
        said = json.loads(image.restored().out)
        assert said["rung"] == "image"
        assert said["opened"] == [said["pid"]]
        counted.append(said["orders"])
    assert counted == [counted[0], counted[0] + 1, counted[0] + 2]
