"""A process in which the function is initialised and the runtime loaded: `warm_process.py ROOT HANDLER WAY PATH`.

By `fork` it listens at PATH, a socket: each connection brings an environment and gets a fork that runs the runtime's
loop in it. By `wait` it looks for PATH, a file with the environment, as a process does that was checkpointed then.
"""

import importlib
import json
import os
import signal
import socket
import sys
import time


def serve(handler, environment):
    """Runs the runtime's loop as `python -m awslambdaric HANDLER` does once the handler is imported."""
    os.environ.clear()
    os.environ.update(environment)
    import runtime_client
    from awslambdaric import bootstrap, lambda_runtime_client

    # The client noted the API's address when it was loaded.
    runtime_client.initialize_client(lambda_runtime_client._user_agent())
    client = lambda_runtime_client.LambdaRuntimeClient(environment["AWS_LAMBDA_RUNTIME_API"], False)
    bootstrap.run(handler, client)


def fork(handler, path):
    """Forks for every connection; the fork is ended when the connection is."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        print("ready", flush=True)
        while True:
            connection, _ = listener.accept()
            with connection, connection.makefile("rb") as stream:
                environment = json.loads(stream.readline())
                child = os.fork()
                if child == 0:
                    listener.close()
                    try:
                        serve(handler, environment)
                    finally:
                        os._exit(1)
                connection.recv(1)
                os.kill(child, signal.SIGKILL)
                os.waitpid(child, 0)


def wait(handler, path):
    """Waits for the file."""
    print("ready", flush=True)
    while not os.path.exists(path):  # noqa: PTH110
        time.sleep(0.0005)
    with open(path) as file:  # noqa: PTH123
        environment = json.load(file)
    serve(handler, environment)


def main(root, handler, way, path):
    os.chdir(root)
    sys.path.insert(0, root)
    module, _ = handler.rsplit(".", 1)
    importlib.import_module(module.replace("/", "."))
    importlib.import_module("awslambdaric.bootstrap")
    importlib.import_module("awslambdaric.lambda_runtime_client")
    {"fork": fork, "wait": wait}[way](handler, path)


if __name__ == "__main__":
    main(*sys.argv[1:])
