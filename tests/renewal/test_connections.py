"""Idle connections are closed before the image, and their clients connect anew when they are next used."""

import pytest
import restores

SERVER = """
import http.server, json, os, socket, sys, threading
from glowplug import renewal

class Server(http.server.ThreadingHTTPServer):
    accepted = 0
    def get_request(self):
        Server.accepted += 1
        return super().get_request()

class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")
    def log_message(self, *_):
        pass

server = Server(("127.0.0.1", 0), Handler)
port = server.server_port
threading.Thread(target=server.serve_forever, daemon=True).start()
address = f"http://127.0.0.1:{port}/"

def connected():
    # The client's ends: the server's are bound to its port.
    count = 0
    for fd in os.listdir("/proc/self/fd"):
        try:
            with socket.fromfd(int(fd), socket.AF_INET, socket.SOCK_STREAM) as other:
                count += other.getpeername()[1] == port
        except (OSError, IndexError):
            pass  # Not a connected socket, or one without a port, or closed by the server meanwhile.
    return count
"""

CLIENTS = {
    "urllib3": ("import urllib3; pool = urllib3.PoolManager()", "pool.request('GET', address).data"),
    "urllib3-host": (
        "import urllib3; pool = urllib3.HTTPConnectionPool('127.0.0.1', port)",
        "pool.request('GET', '/').data",
    ),
    "requests": ("import requests; session = requests.Session()", "session.get(address).content"),
    "httpx": ("import httpx; client = httpx.Client()", "client.get(address).content"),
    "httpx-async": (
        "import asyncio, httpx; client = httpx.AsyncClient(); loop = asyncio.new_event_loop()",
        "loop.run_until_complete(client.get(address)).content",
    ),
    "http.client": (
        "import http.client; client = http.client.HTTPConnection('127.0.0.1', port)",
        "(client.request('GET', '/'), client.getresponse().read())[1]",
    ),
    "botocore": (
        "from botocore.httpsession import URLLib3Session\n"
        "from botocore.awsrequest import AWSRequest\n"
        "session = URLLib3Session()",
        "session.send(AWSRequest('GET', address).prepare()).content",
    ),
}


@pytest.mark.parametrize("client", CLIENTS)
def test_an_idle_client_lets_go_and_connects_again(client):
    make, use = CLIENTS[client]
    said = restores.program(
        SERVER
        + f"""
{make}
bodies = [({use}).decode(), ({use}).decode()]
said = [connected(), Server.accepted]
renewal.prepare()
said += [connected()]
renewal.renew({{}})
bodies += [({use}).decode(), ({use}).decode()]
said += [connected(), Server.accepted]
print(json.dumps([*said, bodies]))
sys.stdout.flush()
os._exit(0)
"""
    )
    assert said == [1, 1, 0, 1, 2, ["ok"] * 4]


def test_an_async_client_whose_loop_is_gone_lets_go():
    assert restores.program(
        SERVER
        + """
import asyncio, httpx
client = httpx.AsyncClient()
loop = asyncio.new_event_loop()
loop.run_until_complete(client.get(address))
loop.close()
before = connected()
renewal.prepare()
print(json.dumps([before, connected()]))
sys.stdout.flush()
os._exit(0)
"""
    ) == [1, 0]


def test_a_response_that_is_being_read_keeps_its_connection():
    """The image is then refused for it, by name: closing it would lose what was asked for."""
    assert restores.program(
        SERVER
        + """
import http.client
client = http.client.HTTPConnection("127.0.0.1", port)
client.request("GET", "/")
response = client.getresponse()
renewal.prepare()
print(json.dumps([connected(), response.read().decode()]))
"""
    ) == [1, "ok"]


ENGINES = """
import json, os
import sqlalchemy
from sqlalchemy import text
from glowplug import renewal
"""


def test_a_database_engine_connects_again(tmp_path):
    assert restores.program(
        ENGINES
        + f"""
engine = sqlalchemy.create_engine("sqlite:///{tmp_path}/orders.db", poolclass=sqlalchemy.pool.QueuePool)
opened = []
sqlalchemy.event.listen(engine, "connect", lambda *_: opened.append(1))
def ask():
    with engine.connect() as connection:
        return connection.execute(text("select 1")).scalar()
ask(), ask()
said = [len(opened), engine.pool.checkedin()]
renewal.prepare()
said += [engine.pool.checkedin()]
renewal.renew({{}})
ask(), ask()
print(json.dumps([*said, len(opened)]))
"""
    ) == [1, 1, 0, 2]


def test_a_database_in_memory_stays():
    assert (
        restores.program(
            ENGINES
            + """
engine = sqlalchemy.create_engine("sqlite://")
with engine.begin() as connection:
    connection.execute(text("create table t as select 7 as x"))
renewal.prepare()
renewal.renew({})
with engine.connect() as connection:
    print(json.dumps(connection.execute(text("select x from t")).scalar()))
"""
        )
        == 7
    )
