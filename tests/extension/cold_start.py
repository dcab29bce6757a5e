"""Measures cold starts with and without the extension, on storage as slow as Lambda's (as root; else as it is).

    python cold_start.py --glowplug GLOWPLUG [--python PYTHON]
                         [--root DIR --handler app.handler --event EVENT.json | --import pandas]

Takes a snapshot, then starts the function from it, the variants interleaved: `warm` (page cache as it is), `cold`
(evicted: the files of the plan) and `extension` (evicted, the extension registers before the runtime starts, as Lambda
has it). Prints medians of exec to first response, their ratio to warm, and how many bytes of the plan's files
could not be evicted.
"""

import argparse
import contextlib
import ctypes
import json
import mmap
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
DEMO = TOP / "tests" / "demo"
PROGRAM = """
import sys
names, handler, event = sys.argv[1:]
for name in filter(None, names.split(",")):
    __import__(name)
if handler:
    module, _, function = handler.rpartition(".")
    handler = getattr(__import__(module), function)
    import json
    with open(event, encoding="utf-8") as file:
        handler(json.load(file), None)
print("answered", flush=True)
"""


class Api:
    """An Extensions API for one extension."""

    def __init__(self):
        self.server = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self.server.getsockname()[1]}"
        self.registered = threading.Event()
        self.waiting = []
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            connection, _ = self.server.accept()
            data = b""
            while b"\r\n\r\n" not in data:
                data += connection.recv(4096)
            if data.startswith(b"POST"):
                head = b"HTTP/1.1 200 OK\r\nLambda-Extension-Identifier: id\r\nContent-Length: 2\r\n"
                connection.sendall(head + b"Connection: close\r\n\r\n{}")
                connection.close()
                self.registered.set()
            else:
                self.waiting.append(connection)

    def invoke(self):
        """What Lambda sends when the runtime has asked for an event; the extension stops reading."""
        body = b'{"eventType":"INVOKE"}'
        for connection in self.waiting:
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
        self.waiting.clear()


def resident(path):
    """Bytes of a file in the page cache (mincore(2))."""
    size = path.stat().st_size
    if size == 0:
        return 0
    with path.open("rb") as file, mmap.mmap(file.fileno(), size, flags=mmap.MAP_PRIVATE) as area:
        first = ctypes.c_char.from_buffer(area)
        pages = (ctypes.c_ubyte * (-(-size // mmap.PAGESIZE)))()
        ctypes.CDLL(None).mincore(ctypes.byref(first), ctypes.c_size_t(size), pages)
        del first
    return sum(page & 1 for page in pages) * mmap.PAGESIZE


def evict(paths):
    """Empties the page cache of files; the bytes that stayed, because others map them."""
    for path in paths:
        with path.open("rb") as file:
            os.fsync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    return sum(map(resident, paths))


@contextlib.contextmanager
def slow_storage(folder, megabytes, requests):
    """A control group whose reads are slowed down; None where that is not possible."""
    group = Path("/sys/fs/cgroup/blkio") / f"glowplug-{os.getpid()}"
    device = Path(folder).stat().st_dev
    try:
        group.mkdir()
        number = f"{os.major(device)}:{os.minor(device)}"
        (group / "blkio.throttle.read_bps_device").write_text(f"{number} {megabytes * 1_000_000}")
        (group / "blkio.throttle.read_iops_device").write_text(f"{number} {requests}")
    except OSError as error:
        print(f"storage is not slowed down: {error}", file=sys.stderr)
        yield None
        return
    try:
        yield group / "cgroup.procs"
    finally:
        group.rmdir()


class Function:
    """A snapshotted function and the layer to start it with."""

    def __init__(self, options, folder):
        self.options = options
        self.opt = folder / "opt"
        self.environment = {k: v for k, v in os.environ.items() if not k.startswith("GLOWPLUG")}
        subprocess.run([options.glowplug, "layer", "--dir", self.opt], check=True, stdout=subprocess.DEVNULL)
        target = ["--import", ",".join(options.imports)] if options.imports else []
        if options.handler:
            target += [options.handler, "--root", options.root, "--event", options.event]
            self.environment["PYTHONPATH"] = str(options.root)
        command = [options.glowplug, "snapshot", *target, "--python", options.python, "-o", self.opt / "glowplug"]
        subprocess.run(command, check=True, stdout=sys.stderr)
        (self.archive,) = (self.opt / "glowplug").glob("*.glow")
        self.program = folder / "program.py"
        self.program.write_text(PROGRAM, "utf-8")
        report = subprocess.run([options.glowplug, "inspect", self.archive, "--json"], stdout=-1, check=True).stdout
        self.plan = json.loads(report)["plan"]
        self.files = sorted({self.place(entry) for entry in self.plan})
        self.log = []

    def place(self, entry):
        if entry["base"] == "archive":
            return self.archive
        origin = self.opt if entry["base"] == "layer" else Path(entry["origin"])
        path = origin / entry["path"]
        return path if path.exists() else self.archive

    def start(self, group, with_extension):
        """Milliseconds from exec of the runtime to the response."""
        join = ["sh", "-c", 'echo $$ > "$0" && exec "$@"', group] if group else []
        extension = None
        if with_extension:
            api = Api()
            variables = {**self.environment, "AWS_LAMBDA_RUNTIME_API": api.address}
            task = str(self.options.root or self.opt)
            variables |= {"GLOWPLUG_OPT": str(self.opt), "GLOWPLUG_TASK_ROOT": task, "GLOWPLUG_PREFETCH_MS": "10000"}
            command = [*join, self.opt / "extensions" / "glowplug"]
            extension = subprocess.Popen(command, env=variables, stderr=subprocess.PIPE, text=True)
            api.registered.wait()
        names = ",".join(self.options.imports)
        arguments = [names, self.options.handler or "", self.options.event or ""]
        program = self.opt / "glowplug" / "start.py"
        command = [*join, self.options.python, program, self.archive, "--", self.program, *arguments]
        begin = time.perf_counter()
        process = subprocess.Popen(command, stdout=subprocess.PIPE, env=self.environment, text=True)
        line = process.stdout.readline()
        elapsed = (time.perf_counter() - begin) * 1000
        process.wait()
        if line != "answered\n":
            sys.exit("the function failed")
        if extension:
            api.invoke()
            self.log.append(extension.stderr.readline().strip())
            extension.kill()
            extension.wait()
        return elapsed


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--glowplug", type=Path, required=True)
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--root", type=Path)
    parser.add_argument("--handler")
    parser.add_argument("--event", type=Path)
    parser.add_argument("--import", dest="imports", type=lambda text: text.split(","), default=[])
    parser.add_argument("--runs", type=int, default=9)
    parser.add_argument("--megabytes", type=int, default=100, help="bytes a second that storage gives, in MB")
    parser.add_argument("--requests", type=int, default=500, help="requests a second that storage takes")
    options = parser.parse_args()
    if not options.handler and not options.imports:
        options.root, options.handler, options.event = DEMO / "function", "app.handler", DEMO / "event.json"
    with tempfile.TemporaryDirectory(dir=TOP / "target") as folder:
        function = Function(options, Path(folder))
        with slow_storage(folder, options.megabytes, options.requests) as group:
            times, stayed = {"warm": [], "cold": [], "extension": []}, []
            function.start(None, False)
            for _ in range(options.runs):
                times["warm"].append(function.start(group, False))
                stayed.append(evict(function.files))
                times["cold"].append(function.start(group, False))
                evict(function.files)
                times["extension"].append(function.start(group, True))
        warm = statistics.median(times["warm"])
        for name, found in times.items():
            median = statistics.median(found)
            print(f"{name:<10} {median:8.1f} ms  {median / warm:5.2f}x warm  ({min(found):.1f} to {max(found):.1f})")
        planned = sum(entry["length"] for entry in function.plan)
        print(f"plan: {planned / 1e6:.1f} MB; not evicted: {statistics.median(stayed) / 1e6:.1f} MB")
        print(function.log[-1])


if __name__ == "__main__":
    main()
