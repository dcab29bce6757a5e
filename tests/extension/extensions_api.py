"""A small Extensions API, and what is measured of an extension that talks to it."""

import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

PATIENCE = 10


@dataclass
class Started:
    """An extension that has registered and waits for its first event."""

    process: subprocess.Popen
    milliseconds: float
    """From before exec until the register request was there."""
    resident: int
    """Bytes in memory, those shared with the page cache (the program's own file) included."""
    private: int
    """Of these, what is the process's alone."""


def receive(server):
    """The next request, and the connection to answer it on."""
    connection, _ = server.accept()
    connection.settimeout(PATIENCE)
    with connection.makefile("rb") as stream:
        head = b"".join(iter(stream.readline, b"\r\n"))
        fields = dict(line.lower().split(b":", 1) for line in head.splitlines()[1:])
        stream.read(int(fields.get(b"content-length", 0)))
    return head, connection


def start(program, **variables):
    """Starts an extension with its API."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(PATIENCE)
        environment = {"AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{server.getsockname()[1]}", **variables}
        begin = time.perf_counter()
        process = subprocess.Popen([program], env=environment, stderr=subprocess.DEVNULL, close_fds=False)
        request, connection = receive(server)
        milliseconds = (time.perf_counter() - begin) * 1000
        assert request.startswith(b"POST /2020-01-01/extension/register"), request
        body = b'{"functionName":"f","functionVersion":"1","handler":"app.handler"}'
        head = b"HTTP/1.1 200 OK\r\nLambda-Extension-Identifier: id\r\nContent-Type: application/json\r\n"
        connection.sendall(head + b"Connection: close\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
        connection.close()
        request, connection = receive(server)
        assert request.startswith(b"GET /2020-01-01/extension/event/next"), request
        # Let it do what it does beside waiting.
        time.sleep(0.05)
        found = Path(f"/proc/{process.pid}/smaps_rollup").read_text()
        connection.close()
    lines = {line.split(":")[0]: int(line.split()[1]) * 1024 for line in found.splitlines()[1:]}
    private = lines["Private_Clean"] + lines["Private_Dirty"]
    return Started(process, milliseconds, lines["Rss"], private)


def stop(started):
    started.process.kill()
    started.process.wait()
