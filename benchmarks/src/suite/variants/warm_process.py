"""A process in which the function is initialised and the runtime loaded: `warm_process.py ROOT HANDLER WAY PATH`.

By `fork` it listens at PATH, a socket: each connection brings an environment and gets a fork that runs the runtime's
loop in it. By `wait` it looks for PATH, a file with the environment, as a process does that was checkpointed then.
"""

import gc
import importlib
import json
import os
import select
import signal
import socket
import sys
import time
import types


def serve(handler, environment):
    """Runs the runtime's loop as `python -m awslambdaric HANDLER` does once the handler is imported."""
    os.environ.clear()
    os.environ.update(environment)
    from awslambdaric import bootstrap, lambda_runtime_client

    del sys.modules["runtime_client"]
    lambda_runtime_client.runtime_client = importlib.import_module("runtime_client")
    lambda_runtime_client.runtime_client.initialize_client(lambda_runtime_client._user_agent())
    client = lambda_runtime_client.LambdaRuntimeClient(environment["AWS_LAMBDA_RUNTIME_API"], False)
    bootstrap.run(handler, client)


def say_ready():
    """Tells the suite; what the function prints from now on goes to the log."""
    print("ready", flush=True)
    os.dup2(2, 1)


def fork(handler, path):
    """Forks for every connection; the fork is ended when the connection is."""
    # Forks need not copy what the collector would only look at.
    gc.collect()
    gc.freeze()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        say_ready()
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
                ended = os.pidfd_open(child)
                select.select([connection, ended], [], [])
                os.close(ended)
                os.kill(child, signal.SIGKILL)
                os.waitpid(child, 0)


def wait(handler, path):
    """Waits for the file."""
    say_ready()
    # Each restore wants to find the log as it was.
    nothing = os.open("/dev/null", os.O_WRONLY)
    os.dup2(nothing, 1)
    os.dup2(nothing, 2)
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
    # The native client notes the API's address when it is loaded, and that is not known yet.
    sys.modules["runtime_client"] = types.SimpleNamespace(initialize_client=lambda _: None)
    importlib.import_module("awslambdaric.bootstrap")
    importlib.import_module("awslambdaric.lambda_runtime_client")
    if way == "fork":
        fork(handler, path)
    else:
        wait(handler, path)


if __name__ == "__main__":
    main(*sys.argv[1:])
