"""An initialised function that answers its event once: `restore.py FUNCTION WAY [PATH]`.

FUNCTION is a folder with app.py and event.json. `image` goes on behind the place where its image is taken. `fork`
listens at PATH, a socket, and has a fork answer each connection. `checkpoint` waits for PATH, a file, and writes the
answer beside it. `plain` answers at once. An answer is what the handler returned, when it was called and when it
returned: nanoseconds of CLOCK_REALTIME, since CRIU gives what it restores a monotonic clock of its own.
"""

import gc
import io
import json
import os
import socket
import sys
import time


def main(folder, way, path=""):
    with open(f"{folder}/event.json") as file:  # noqa: PTH123
        event = json.load(file)
    sys.path.insert(0, folder)
    import app

    # What the function prints is not its answer.
    sys.stdout = io.StringIO()

    def answer():
        called = time.time_ns()
        result = app.handler(event, None)
        ended = time.time_ns()
        return f"{json.dumps(result)}\n{called}\n{ended}\n".encode()

    if way == "plain":
        os.write(1, answer())
        os._exit(0)
    # What an image is primed by does the others good too.
    app.handler(event, None)
    if way == "image":
        import glowplug

        glowplug.snapshot_point()
        os.write(1, answer())
        os._exit(0)
    gc.collect()
    gc.freeze()
    if way == "fork":
        fork(answer, path)
    os.write(1, b"ready\n")
    # Each restore wants to find the log as it was.
    nothing = os.open("/dev/null", os.O_WRONLY)
    os.dup2(nothing, 1)
    os.dup2(nothing, 2)
    while not os.path.exists(path):  # noqa: PTH110
        time.sleep(0.0002)
    found = answer()
    with open(path + ".answer", "wb") as file:  # noqa: PTH123
        file.write(found)
    os._exit(0)


def fork(answer, path):
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        os.write(1, b"ready\n")
        while True:
            connection, _ = listener.accept()
            began = time.time_ns()
            child = os.fork()
            if child == 0:
                connection.send(f"{began}\n".encode() + answer())
                os._exit(0)
            connection.close()
            os.waitpid(child, 0)


if __name__ == "__main__":
    main(*sys.argv[1:])
