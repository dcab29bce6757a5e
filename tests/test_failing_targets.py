"""`glowplug snapshot` of a target that fails, and wrong usage."""

import re
from pathlib import Path

import pytest
from processes import glowplug
from snapshots import build, left, snapshot

# The command is one for all Pythons, and every other test builds its archives with it.
pytestmark = pytest.mark.once

TARGET_FAILED = 3


FAILURES = {
    "raises at import": ("1 / 0\n", "ZeroDivisionError: division by zero"),
    "does not compile": ("def handler(:\n", "SyntaxError"),
    "has no handler": ("x = 1\n", "has no attribute 'handler'"),
    "needs what is not there": ("import no_such_module\n", "ModuleNotFoundError: No module named 'no_such_module'"),
    "raises in the handler": ("def handler(event, context):\n    raise KeyError('lost')\n", "KeyError: 'lost'"),
    "exits": ("import sys\nsys.exit(0)\n", "sys.exit(0)"),
    "exits at once": ("import os\nos._exit(0)\n", "os._exit"),
    "is killed": ("import os\nos.kill(os.getpid(), 9)\n", "signal 9"),
}


@pytest.mark.parametrize("failure", FAILURES)
def test_a_failing_target_shows_why_and_leaves_no_file(failure, tmp_path, write):
    program, words = FAILURES[failure]
    write("function/app.py", program)
    event = write("event.json", "{}")
    out, temporary = tmp_path / "out", tmp_path / "temporary"
    temporary.mkdir()
    out.mkdir()
    done = build("app.handler", "--root", tmp_path / "function", "-o", out, "--event", event, TMPDIR=temporary)
    assert done.status == TARGET_FAILED
    assert words in done.err
    assert len(done.lines) >= 1
    assert left(out) == left(temporary) == []
    for own in ("trace.py", "glowplug_trace"):
        assert own not in done.err


def test_the_traceback_of_a_failing_target_is_its_own(tmp_path, write):
    write("function/app.py", "import deep\n")
    write("function/deep.py", "def f():\n    raise ValueError('here')\nf()\n")
    done = build("app.handler", "--root", tmp_path / "function", "-o", tmp_path)
    frames = re.findall(r'File "([^"]+)", line (\d+)', done.err)
    assert [(Path(file).name, line) for file, line in frames] == [("app.py", "1"), ("deep.py", "3"), ("deep.py", "2")]


def test_a_failing_target_keeps_the_archive_of_an_earlier_snapshot(function, tmp_path):
    archive = snapshot(tmp_path / "out", "stall.handler", root=function)
    was = archive.file.read_bytes()
    (function / "stall.py").write_text("1 / 0\n")
    assert build("stall.handler", "--root", function, "-o", tmp_path / "out").status == TARGET_FAILED
    assert archive.file.read_bytes() == was


WRONG = {
    "nothing": (),
    "no dot": ("app",),
    "a file": ("app.py",),
    "an unknown option": ("app.handler", "--unknown"),
    "an unknown validation": ("app.handler", "--validate", "never"),
    "an event without a file": ("app.handler", "--event", "no-such-event"),
    "a variable without a value": ("app.handler", "--env", "JUST_A_NAME"),
    "a name that is a path": ("app.handler", "--name", "a/b"),
    "a module name with an empty part": ("--import", "json..decoder"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_wrong_usage_is_told_and_ends_with_status_2(wrong, tmp_path, write):
    write("app.py", "handler = print\n")
    done = build(*WRONG[wrong], cwd=tmp_path)
    assert done.status == 2
    assert done.err
    assert not list(tmp_path.glob("*.glow"))


@pytest.mark.parametrize("python_given", ["no-such-python", "/bin/true", "/etc/passwd"])
def test_what_is_no_python_is_refused_with_its_name(python_given, tmp_path):
    done = glowplug("snapshot", "--import", "json", "--python", python_given, "-o", tmp_path)
    assert done.status in (1, 2)
    (line,) = done.lines
    assert python_given in line
    assert left(tmp_path) == []


def test_an_output_folder_that_cannot_be_is_an_error(tmp_path):
    (tmp_path / "file").touch()
    done = build("--import", "json", "-o", tmp_path / "file")
    assert done.status == 1
    assert "file" in done.lines[0]
