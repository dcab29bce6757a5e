"""Lambda's Runtime API for one start at a time: hands out events, and takes the answers.

Written on a socket, since what it takes itself is part of what is measured.
"""

import json
import socket
import subprocess
import time

# A start that takes longer than this, in seconds, has failed.
PATIENCE = 60


class StartFailedError(Exception):
    """The process has ended, reported an error, or does not answer."""


class RuntimeApi:
    """A listening socket at `address`."""

    def __init__(self):
        self.server = socket.create_server(("127.0.0.1", 0))
        self.server.settimeout(PATIENCE)
        host, port = self.server.getsockname()
        self.address = f"{host}:{port}"

    def start(self, command, folder, environment, events):
        """Starts a runtime, and stops it when it has answered the events: milliseconds from exec until the first
        answer had come, and the answers.
        """
        environment = {**environment, "AWS_LAMBDA_RUNTIME_API": self.address}
        answers, elapsed = [], None
        begin = time.perf_counter()
        process = subprocess.Popen(command, cwd=folder, env=environment, stdin=subprocess.DEVNULL)
        try:
            for path, body, reply in self.requests():
                if path.endswith("/invocation/next"):
                    if len(answers) == len(events):
                        return elapsed, answers
                    reply("200 OK", json.dumps(events[len(answers)]))
                elif path.endswith("/response"):
                    elapsed = elapsed or (time.perf_counter() - begin) * 1000
                    answers.append(json.loads(body))
                    reply("202 Accepted", "{}")
                else:
                    raise StartFailedError(f"{path}: {body.decode()}")
        except TimeoutError as error:
            raise StartFailedError(f"no answer after {PATIENCE} seconds") from error
        finally:
            process.kill()
            process.wait()

    def requests(self):
        """Path, body and a function that replies, of each request on each connection."""
        while True:
            connection, _ = self.server.accept()
            connection.settimeout(PATIENCE)
            with connection, connection.makefile("rb") as stream:
                while line := stream.readline():
                    length = 0
                    while (header := stream.readline()).strip():
                        name, _, value = header.partition(b":")
                        if name.lower() == b"content-length":
                            length = int(value)
                    yield line.split()[1].decode(), stream.read(length), replying(connection)


def replying(connection):
    def reply(status, body):
        headers = {
            "Content-Type": "application/json",
            "Content-Length": len(body),
            "Lambda-Runtime-Aws-Request-Id": "00000000-0000-4000-8000-000000000001",
            "Lambda-Runtime-Deadline-Ms": int((time.time() + PATIENCE) * 1000),
            "Lambda-Runtime-Invoked-Function-Arn": "arn:aws:lambda:eu-central-1:123456789012:function:demo",
        }
        lines = [f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in headers.items()), "", body]
        connection.sendall("\r\n".join(lines).encode())

    return reply
