"""What is tried of the arm64 programs with one arm64 Python. A check says what it saw, or raises `AssertionError`."""

import json
import shutil
import socket
import subprocess
import sys
import threading
from pathlib import Path

import emulated
import places
import toolchain

sys.path.insert(0, str(places.REPOSITORY / "tests" / "extension"))
import extensions_api

HERE = Path(__file__).resolve().parent
FUNCTION = HERE / "function"
EVENT = FUNCTION / "event.json"
PROGRAM = HERE / "first_response.py"
DUMPER_TESTS = places.REPOSITORY / "snapshotter" / "dumper" / "tests"
AARCH64 = 183


class Trial:
    """The checks of one Python, in order: later ones use what earlier ones made."""

    def __init__(self, minor, payload, command):
        self.minor = minor
        self.payload = payload
        self.command = command
        self.folder = toolchain.HERE / "trial" / minor
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        self.python = emulated.python(minor)
        self.made = {}

    def need(self, what):
        """What an earlier check made."""
        assert what in self.made, f"there is no {what}: an earlier check failed"
        return self.made[what]

    def glowplug(self, *arguments):
        """Runs the arm64 `glowplug` command."""
        assert self.command is not None, "the command was not built"
        return emulated.run(emulated.command(self.command, *arguments))

    def response(self, line, archive=None, **variables):
        """What `first_response.py` prints when it is started by a command line."""
        arguments = [PROGRAM, FUNCTION, EVENT, *([archive] if archive else [])]
        done = emulated.run([*line, *arguments], **variables)
        return json.loads(done.stdout), done.stderr

    def served(self, line, archive=None, **variables):
        """The same, after making sure that the archive served all and the answer is that of the plain start."""
        said, complaints = self.response(line, archive, **variables)
        status = said["status"]
        assert status and status["rung"] == "code", f"not served: {status} {complaints}"
        assert complaints == "", complaints
        assert status["fallbacks"] == [], status["fallbacks"]
        assert said["answer"] == self.need("plain answer"), said["answer"]
        assert said["loader"] != "SourceFileLoader", "the function's own module was imported the plain way"
        assert status["modules"] > 20, f"only {status['modules']} modules"
        modules = f"{status['modules']} of {status['modules_in_archive']} modules"
        return f"rung code, {modules} and {status['regexes']} regexes served"

    def python_starts(self):
        program = (
            "import ctypes, platform, sqlite3, ssl, sys; "
            "print(platform.machine(), platform.python_version(), platform.libc_ver()[1])"
        )
        machine, version, libc = emulated.run([self.python, "-c", program]).stdout.split()
        assert machine == "aarch64", machine
        said, _ = self.response([self.python])
        assert said["status"] is None
        self.made["plain answer"] = said["answer"]
        return f"CPython {version}, glibc {libc}"

    def loader_is_imported(self):
        program = (
            "import _glowplug, json; print(json.dumps([_glowplug.fingerprint(), _glowplug.status()], default=repr))"
        )
        fingerprint, status = json.loads(emulated.run([self.python, "-c", program], PYTHONPATH=self.payload).stdout)
        assert fingerprint["machine"] == AARCH64, fingerprint
        assert fingerprint["soabi"].endswith("-aarch64-linux-gnu"), fingerprint
        assert status["rung"] == "plain", status
        self.made["suffix"] = f".{fingerprint['soabi']}.{fingerprint['id']}.glow"
        return f"fingerprint {fingerprint['soabi']}.{fingerprint['id']}"

    def dumped_code_runs(self):
        self.dumper_test("running.py")
        return "traced, specialised and monitored as plain code is"

    def standard_library_comes_back(self):
        return self.dumper_test("stdlib_round_trip.py")

    def dumper_test(self, name):
        dumper = self.payload / "_glowplug_dumper.abi3.so"
        line = [self.python, DUMPER_TESTS / name, self.folder / "dumped.glow"]
        return emulated.run(line, GLOWPLUG_DUMPER=dumper).stdout.strip()

    def archive_is_built(self):
        self.glowplug("snapshot", "app.handler", "--root", FUNCTION, "--event", EVENT, "--python", self.python,
                      "-o", self.folder / "archive")  # fmt: skip
        (archive,) = (self.folder / "archive").glob("*.glow")
        assert archive.name == f"app{self.need('suffix')}", archive.name
        self.glowplug("verify", archive)
        inspected = json.loads(self.glowplug("inspect", archive, "--json").stdout)
        assert inspected["plan"], "no prefetch plan"
        self.made["archive"] = archive
        return f"{archive.stat().st_size} bytes, verified, {len(inspected['plan'])} ranges in its plan"

    def archive_serves(self):
        return self.served([self.python], self.need("archive"), PYTHONPATH=self.payload, GLOWPLUG_STRICT=1)

    def layer_is_made(self):
        opt, brought = self.folder / "opt", self.folder / "brought"
        archive = self.need("archive")
        self.glowplug("layer", "--archive", archive, "--dir", opt, "-o", self.folder / "layer.zip")
        self.glowplug("layer", "--arch", "arm64", "--programs", self.payload, "--archive", archive, "--dir", brought)
        files = sorted(path.relative_to(opt) for path in opt.rglob("*") if path.is_file())
        for file in files:
            assert (opt / file).read_bytes() == (brought / file).read_bytes(), f"--programs brought another {file}"
        self.made["layer"] = opt
        return f"{len(files)} files, {(self.folder / 'layer.zip').stat().st_size} bytes zipped"

    def wrapper_serves(self):
        opt = self.need("layer")
        line = emulated.command(opt / "glowplug" / "exec", self.python)
        return self.served(line, GLOWPLUG_OPT=opt, LAMBDA_TASK_ROOT="/nowhere", GLOWPLUG_STRICT=1)

    def wrapper_falls_back_without_archive(self):
        return self.falls_back("opt without archive", Path.unlink)

    def wrapper_falls_back_from_damage(self):
        return self.falls_back("opt with damage", lambda file: file.write_bytes(file.read_bytes()[:5000]))

    def falls_back(self, name, damage):
        """A start through the wrapper of a copy of the layer with something done to its archive."""
        opt = self.folder / name
        shutil.copytree(self.need("layer"), opt)
        (archive,) = opt.glob("glowplug/*.glow")
        damage(archive)
        line = emulated.command(opt / "glowplug" / "exec", self.python)
        said, complaints = self.response(line, GLOWPLUG_OPT=opt, LAMBDA_TASK_ROOT="/nowhere")
        assert said["answer"] == self.need("plain answer"), said["answer"]
        assert said["status"] is None or said["status"]["rung"] == "plain", said["status"]
        assert complaints.startswith("glowplug: "), complaints
        assert len(complaints.splitlines()) == 1, complaints
        return complaints.strip().replace(str(opt), "...")

    def extension_reads_ahead(self):
        opt = self.need("layer")
        with socket.create_server(("127.0.0.1", 0)) as server:
            server.settimeout(extensions_api.PATIENCE)
            variables = {"AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{server.getsockname()[1]}", "GLOWPLUG_OPT": opt,
                         "GLOWPLUG_TASK_ROOT": FUNCTION, "GLOWPLUG_PREFETCH_MS": 60000}  # fmt: skip
            process = subprocess.Popen(
                emulated.command(opt / "extensions" / "glowplug"), env=emulated.environment(**variables),
                stderr=subprocess.PIPE, text=True,
            )  # fmt: skip
            # Whatever goes wrong, reading its lines comes to an end.
            late = threading.Timer(60, process.kill)
            late.start()
            try:
                return self.with_api(server, process)
            finally:
                late.cancel()
                process.kill()
                process.wait()

    @staticmethod
    def with_api(server, process):
        """The life of one environment: registered, has read ahead, is told to shut down."""
        request, connection = extensions_api.receive(server)
        assert request.startswith(b"POST /2020-01-01/extension/register"), request
        assert b"lambda-extension-name: glowplug\r\n" in request.lower(), request
        body = '{"functionName":"f","functionVersion":"1","handler":"app.handler"}'
        answer(connection, body, "Lambda-Extension-Identifier: id\r\n")
        request, connection = extensions_api.receive(server)
        assert request.startswith(b"GET /2020-01-01/extension/event/next"), request
        line = process.stderr.readline().strip()
        fields = dict(part.split("=", 1) for part in line.split() if "=" in part)
        assert line.startswith("glowplug: prefetch "), line
        assert fields["stopped_by"] == "done", line
        assert fields["planned_bytes"] != "0", line
        assert int(fields["verified_bytes"]) > 0, line
        answer(connection, '{"eventType":"SHUTDOWN","shutdownReason":"spindown","deadlineMs":0}')
        assert process.wait(extensions_api.PATIENCE) == 0, f"ended with {process.returncode}"
        return line.removeprefix("glowplug: ")


def answer(connection, body, headers=""):
    """Answers a request of the extension and closes the connection."""
    head = f"HTTP/1.1 200 OK\r\n{headers}Content-Type: application/json\r\nConnection: close\r\n"
    connection.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode())
    connection.close()


# In order, each with its line of the table.
CHECKS = (
    ("the Python starts", Trial.python_starts),
    ("loader: imported", Trial.loader_is_imported),
    ("dumper: stored code runs", Trial.dumped_code_runs),
    ("command: snapshot, verify, inspect", Trial.archive_is_built),
    ("loader: serves the archive", Trial.archive_serves),
    ("command: layer, --programs", Trial.layer_is_made),
    ("wrapper: execs Python", Trial.wrapper_serves),
    ("wrapper: no archive", Trial.wrapper_falls_back_without_archive),
    ("wrapper: damaged archive", Trial.wrapper_falls_back_from_damage),
    ("extension: registers, reads ahead", Trial.extension_reads_ahead),
    ("dumper: standard library", Trial.standard_library_comes_back),
)
