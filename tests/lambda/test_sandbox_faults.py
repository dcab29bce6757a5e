"""Faults around the extension, end to end: the function answers, one line says what was wrong, and nothing hangs."""

import os
import shutil
import threading
import time
from pathlib import Path

import page_cache
import pytest

pytestmark = pytest.mark.once

# Seconds from the start of the command to its end, the answer included; without a fault it is less than one.
AT_MOST = 8

# By the time that it answers, the extension has said what it has to say.
PATIENT = """
import time

def handler(event, context):
    import glowplug
    time.sleep(1)
    return glowplug.status()["rung"]
"""

needs_slow_storage = pytest.mark.skipif(
    not os.access("/sys/fs/cgroup/blkio", os.W_OK) and not os.access("/sys/fs/cgroup/cgroup.subtree_control", os.W_OK),
    reason="reads can be slowed down by root only",
)


@pytest.fixture
def opt(functions, tmp_path):
    """A layer, extension included, to be damaged."""
    (functions.root / "patient.py").write_text(PATIENT)
    return Path(shutil.copytree(functions.whole_layer("surroundings.handler"), tmp_path / "opt"))


@pytest.fixture
def archive(opt):
    (found,) = opt.glob("glowplug/*.glow")
    return found


def answer(functions, layer, *options, handler="patient.handler", **variables):
    """The outcome of a start that has to be over in time, and the extension's lines: what was wrong, what was read."""
    began = time.monotonic()
    outcome = functions.invoke(handler, "schedule", layer=layer, options=options, **variables)
    assert time.monotonic() - began < AT_MOST
    lines = outcome.extension_log.splitlines()
    assert all(line.startswith("glowplug: ") for line in lines)
    wrong = [line for line in lines if not line.startswith("glowplug: prefetch archive=")]
    read = [line for line in lines if line not in wrong]
    return outcome, wrong, read


def glowplug_lines(log):
    return [line for line in log.splitlines() if line.startswith("glowplug: ")]


@pytest.mark.parametrize("call", ["register", "next"])
@pytest.mark.parametrize(
    ("what", "line"),
    [
        ("403", "the Extensions API answered 403 Forbidden"),
        ("500", "the Extensions API answered 500 Internal Server Error"),
        ("close", "the Extensions API cannot be reached: it closed the connection"),
        # Waited for without end (`next`), or for longer than this function takes (`register`).
        ("silent", None),
        ("slow:700", None),
    ],
)
def test_an_api_that_misbehaves(functions, opt, call, what, line):
    outcome, wrong, read = answer(functions, opt, "--fault", f"{call}={what}")
    assert outcome.response == "code"
    assert wrong == ([f"glowplug: {call}: {line}"] if line else [])
    # The plan is followed all the same.
    (read,) = read
    assert "faults=" not in read
    late = outcome.at("runtime is executed")
    assert 700 <= late < 3000 if (call, what) == ("register", "slow:700") else late < 700


def test_no_answer_to_register_is_given_up(functions, opt):
    (functions.root / "very_patient.py").write_text(PATIENT.replace("sleep(1)", "sleep(5)"))
    outcome, wrong, read = answer(functions, opt, "--fault", "register=silent", handler="very_patient.handler")
    assert (outcome.response, len(read)) == ("code", 1)
    assert wrong == ["glowplug: register: the Extensions API does not answer"]


def test_no_archive(functions, opt, archive):
    archive.unlink()
    outcome, wrong, read = answer(functions, opt)
    assert (outcome.response, read) == ("plain", [])
    (line,) = wrong
    assert line.startswith("glowplug: no archive in /opt/glowplug or /var/task")
    assert len(glowplug_lines(outcome.log)) == 1


def test_two_archives(functions, opt, archive):
    (other,) = functions.whole_layer("exits.raises").glob("glowplug/*.glow")
    shutil.copy2(other, archive.parent)
    outcome, wrong, read = answer(functions, opt)
    # Which one the function is for cannot be known: both plans are followed. The loader says the same of the folder.
    (read,) = read
    assert wrong == []
    assert archive.name in read
    assert other.name in read
    assert outcome.response in ("code", "plain")
    # The user says it.
    chosen = f"/opt/glowplug/{archive.name}"
    outcome, wrong, (read,) = answer(functions, opt, GLOWPLUG_ARCHIVE=chosen)
    assert (outcome.response, wrong, other.name in read) == ("code", [], False)


@pytest.mark.parametrize("what", ["archive", "folder"])
def test_opt_that_cannot_be_read(functions, opt, archive, what):
    archive.chmod(0)
    if what == "folder":
        archive.parent.chmod(0o311)
    outcome, wrong, read = answer(functions, opt, "--isolation", "bubblewrap")
    archive.parent.chmod(0o755)
    assert (outcome.response, read) == ("plain", [])
    (line,) = wrong
    assert "Permission denied" in line
    # Of a folder that cannot be listed the wrapper says that, and then that there is no archive.
    lines = glowplug_lines(outcome.log)
    assert len(lines) == {"archive": 1, "folder": 2}[what]
    assert "/opt/glowplug" in lines[0]


def test_a_damaged_archive(functions, opt, archive):
    content = bytearray(archive.read_bytes())
    content[4096 + 100] ^= 1
    archive.write_bytes(content)
    outcome, wrong, _ = answer(functions, opt)
    assert outcome.response in ("code", "plain")
    assert len(wrong) == 1


class Truncation(threading.Thread):
    """Truncates a file as soon as an extension, told by a variable of its environment, has read so many bytes."""

    def __init__(self, file, size, after, mark):
        super().__init__(daemon=True)
        self.file, self.size, self.after, self.mark = file, size, after, mark
        self.read = None
        self.start()

    def run(self):
        end = time.monotonic() + AT_MOST
        while time.monotonic() < end:
            for process in Path("/proc").glob("[0-9]*"):
                try:
                    if (process / "comm").read_text() != "glowplug\n" or self.mark not in (
                        process / "environ"
                    ).read_text():
                        continue
                    read = int((process / "io").read_text().split()[1])
                except OSError:
                    continue
                if read >= self.after:
                    os.truncate(self.file, self.size)
                    self.read = read
                    return
            time.sleep(0.01)


@needs_slow_storage
def test_an_archive_truncated_while_the_extension_reads_it(functions, tmp_path):
    opt = Path(shutil.copytree(functions.whole_layer("report.handler", "s3:key=orders.csv"), tmp_path / "opt"))
    (functions.root / "patient.py").write_text(PATIENT)
    (archive,) = opt.glob("glowplug/*.glow")
    size = archive.stat().st_size
    page_cache.evict(archive)
    truncation = Truncation(archive, size // 8, after=1 << 20, mark=str(tmp_path))
    # The answer to `register` is late, and with it the runtime: what it finds is the truncated archive. 5 MB a second.
    options = ("--storage", "5:500", "--fault", "register=slow:2500")
    variables = {"GLOWPLUG_PREFETCH_MS": "60000", "MARK": str(tmp_path)}
    outcome, wrong, read = answer(functions, opt, *options, **variables)
    # A range that ended early: at the extension's start, when it looked at the file's size, it was whole.
    assert truncation.read is not None
    assert (outcome.response, wrong) == ("plain", [])
    (read,) = read
    assert "cut_short=" in read
    assert len(glowplug_lines(outcome.log)) == 1


@needs_slow_storage
def test_shutdown_while_the_extension_reads(functions, tmp_path):
    opt = Path(shutil.copytree(functions.whole_layer("report.handler", "s3:key=orders.csv"), tmp_path / "opt"))
    (archive,) = opt.glob("glowplug/*.glow")
    # A function that cannot be imported ends its environment: SHUTDOWN, and no INVOKE before. It starts without the
    # wrapper, so that it need not wait for the archive. Of that the extension reads a few pieces a second, and 1 MB at
    # most: 7 MB, and the function has failed long before the end of that.
    variables = {"GLOWPLUG_PREFETCH_MS": "60000", "AWS_LAMBDA_EXEC_WRAPPER": ""}
    # What the runtime itself reads is in the page cache, and only the extension waits. But a test of another run evicts
    # libraries at times that this one needs: then both wait, and the extension may be through first.
    for _ in range(3):
        functions.invoke("fails_at_import.handler", "schedule")
        page_cache.evict(archive)
        outcome, wrong, read = answer(
            functions, opt, "--storage", "1:8", handler="fails_at_import.handler", **variables
        )
        assert outcome.said["init_error"]["error_type"].endswith("ConnectionError")
        (line,) = wrong + read
        if "stopped_by=done" not in line:
            break
    assert "stopped_by=shutdown" in line


def test_128_mb_of_memory(functions, tmp_path):
    opt = functions.whole_layer("report.handler", "s3:key=orders.csv")
    began = time.monotonic()
    outcome = functions.invoke("report.handler", "s3:key=orders.csv", layer=opt, options=("--memory", "128", "--cold"))
    assert outcome.response == {"2024-02": 12.5, "2024-03": 107.25}
    assert time.monotonic() - began < 3 * AT_MOST
    (line,) = outcome.extension_log.splitlines()
    fields = dict(field.split("=") for field in line.split()[2:])
    # Half of the memory at most; the page cache is part of it.
    assert int(fields["read_bytes"]) + int(fields["resident_bytes"]) <= 64 << 20
    if outcome.memory["not_enforced"] is None:
        assert outcome.memory["killed"] == 0
        assert outcome.memory["peak"] <= 128 << 20
