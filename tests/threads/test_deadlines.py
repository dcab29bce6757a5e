"""Threads that wait until a time, or for a while: they go on waiting for what they had left, also on another boot."""

import http.server
import importlib.util
import json
import shutil
import subprocess
import threading
import time
from pathlib import Path

import images
import pytest

# A machine that has been up for as many seconds more than this one, and one that has just been started.
LATER, JUST_STARTED = "--monotonic=1000000", "--monotonic=-{}"
# Who may not have clocks of their own.
UNPRIVILEGED = ("setpriv", "--bounding-set=-sys_admin", "--inh-caps=-sys_admin")


def uptime():
    return int(float(Path("/proc/uptime").read_text(encoding="ascii").split()[0]))


def has_time_namespaces():
    command = ["unshare", "-T", "--monotonic=1", "true"]
    found = shutil.which("unshare") is not None
    return found and subprocess.run(command, check=False, capture_output=True).returncode == 0


def told(image, **options):
    said = json.loads(image.restored(**options).out)
    assert said["rung"] == "image"
    return said


@pytest.fixture(scope="module")
def plain(workshop):
    """What a plain start says."""
    said = json.loads(workshop["deadlines"].start(variables={"GLOWPLUG_MODE": "off"}).silently().out)
    assert (said["rung"], said["late"], said["early"]) == ("plain", [], [])
    assert said["count"] == 11
    return said


def test_waits_end_when_they_would_have_and_as_they_would_have(workshop, plain):
    restored = told(workshop["deadlines"])
    assert {**restored, "rung": "plain"} == plain


needs_clocks = pytest.mark.skipif(not has_time_namespaces(), reason="this kernel has no time namespaces")


@pytest.fixture(scope="module")
def of_this_boot(workshop):
    """An image in which times are of this machine's clock."""
    return workshop.take("deadlines-of-this-boot", "deadlines.py", prefix=UNPRIVILEGED)


@images.needs_root
@needs_clocks
@pytest.mark.parametrize("boot", ["just started", "up for long"])
def test_waits_end_on_a_machine_whose_monotonic_clock_is_another(of_this_boot, plain, boot):
    clock = LATER if boot == "up for long" else JUST_STARTED.format(uptime() - 5)
    restored = told(of_this_boot, prefix=("unshare", "-T", clock, "--"))
    assert {**restored, "rung": "plain"} == plain


@images.needs_root
@needs_clocks
@pytest.mark.parametrize("clock", ["monotonic", "boottime"])
def test_the_clock_of_an_image_begins_with_its_process(workshop, clock):
    """So what libraries keep of it is in the past on nearly every machine."""
    image = workshop.take(f"clock-{clock}", "clock.py", clock)
    taken, now = json.loads(image.restored().out)
    assert 1 <= taken < 60 < now
    image = workshop.take(f"clock-{clock}-of-this-boot", "clock.py", clock, prefix=UNPRIVILEGED)
    taken, now = json.loads(image.restored().out)
    assert uptime() - 600 < taken <= now


class Slow(http.server.BaseHTTPRequestHandler):
    """Answers after a while, and closes the connection (HTTP/1.0)."""

    def do_GET(self):
        time.sleep(0.2)
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"fetched")

    def log_message(self, *arguments):
        pass


@pytest.fixture
def slow():
    """The address of a server."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Slow) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


needs_tokio = pytest.mark.skipif(
    importlib.util.find_spec("primp") is None, reason="primp is among what `make threads-check` has"
)


@images.needs_root
@needs_clocks
@needs_tokio
def test_time_limits_of_tokio_hold_on_a_machine_that_has_just_been_started(workshop, slow):
    image = workshop.take("tokio", "requests_of_tokio.py", slow)
    clock = JUST_STARTED.format(uptime() - 60)
    for prefix in ((), ("unshare", "-T", clock, "--"), ("unshare", "-T", LATER, "--")):
        assert told(image, prefix=prefix)["behind"] == ["fetched", "fetched"]
    assert "keeps times" not in image.summary


@images.needs_root
@needs_tokio
def test_that_they_may_not_is_said_where_the_clock_cannot_begin_anew(workshop, slow):
    image = workshop.take("tokio-of-this-boot", "requests_of_tokio.py", slow, prefix=UNPRIVILEGED)
    assert told(image)["behind"] == ["fetched", "fetched"]
    assert "keeps times of this machine's monotonic clock" in image.summary
    assert "remedy: take the image with CAP_SYS_ADMIN" in image.summary
