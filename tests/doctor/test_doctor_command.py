"""`glowplug doctor`: what it prints and how it ends."""

import json
import os
import re

import pytest
from processes import PYTHON, glowplug

# The command is one for all Pythons.
pytestmark = pytest.mark.once

IN_THE_WAY, TARGET_FAILED, USAGE = 4, 3, 2
THREAD = """
import hashlib
import threading

import helper

def handler(event, context):
    print("handled", event)
    work = ("sha256", b"secret", b"salt", 1 << 30)
    threading.Thread(target=hashlib.pbkdf2_hmac, args=work, name="late", daemon=True).start()
"""
HOOKED = """
import threading

import glowplug.hooks

STOP = threading.Event()
THREAD = threading.Thread(target=STOP.wait)
THREAD.start()

@glowplug.hooks.before_snapshot
def stop():
    STOP.set()
    THREAD.join(5)

def handler(event, context):
    pass
"""
# The server's end is a process of its own, and gone when the handler returns.
IDLE = """
import multiprocessing
import socket

import requests

SESSION = requests.Session()

def serve(listener):
    connection, _ = listener.accept()
    connection.recv(4096)
    connection.send(b"HTTP/1.1 200 OK\\r\\ncontent-length: 2\\r\\n\\r\\nok")
    listener.accept()

def handler(event, context):
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    server = multiprocessing.get_context("fork").Process(target=serve, args=(listener,))
    server.start()
    listener.close()
    assert SESSION.get(f"http://127.0.0.1:{port}/").text == "ok"
    server.kill()
    server.join()
    server.close()
"""


@pytest.fixture
def function(write, tmp_path):
    """A function whose handler starts a thread that does not come to rest."""
    write("function/app.py", THREAD)
    write("function/helper.py", "import os\n\nTABLE = os.environ['TABLE']\n")
    write("function/event.json", '{"a": 1}')
    return tmp_path / "function"


def doctor(function, *arguments, **options):
    return glowplug("doctor", "app.handler", "--root", function, "--python", PYTHON, *arguments, **options)


def test_a_function_without_obstacles_can_be_imaged(function):
    done = doctor(function, "--env", "TABLE=items").succeeded()
    assert done.err == ""
    assert done.out.endswith("app.handler can be imaged\n")
    assert "Stands in the way" not in done.out


def test_what_stands_in_the_way_is_named_with_owner_and_remedy(function):
    done = doctor(function, "--event", function / "event.json", "--env", "TABLE=items")
    assert done.status == IN_THE_WAY
    assert "the daemon thread 'late' runs, and did not come to rest within a second" in done.out
    assert f"by app ({function / 'app.py'}:10)" in done.out
    assert "remedy: have it wait for work" in done.out
    assert done.out.endswith("app.handler cannot be imaged: 1 obstacle in the way\n")


def test_what_is_worth_knowing_is_named_too(function):
    done = doctor(function, "--env", "TABLE=items").succeeded()
    assert "Worth knowing:" in done.out
    assert "init read TABLE" in done.out
    assert f"by helper ({function / 'helper.py'}:3), through app ({function / 'app.py'}:5)" in done.out


def test_what_the_target_prints_is_not_the_report(function):
    done = doctor(function, "--event", function / "event.json", "--env", "TABLE=items")
    assert "handled {'a': 1}" in done.err
    assert "handled" not in done.out


def test_variables_come_from_a_file_too(function, write):
    doctor(function, "--env-file", write("variables", "TABLE=items\n")).succeeded()


def test_json_has_everything_but_values_of_variables(function):
    done = doctor(function, "--event", function / "event.json", "--env", "TABLE=the-items", "--json")
    assert done.status == IN_THE_WAY
    report = json.loads(done.out)
    assert (report["target"], report["can_be_imaged"]) == ("app.handler", False)
    assert [each["kind"] for each in report["obstacles"] if each["fatal"]] == ["thread"]
    assert "TABLE" in report["environment"]
    assert "the-items" not in done.out
    assert report["descriptors"] == []


def test_a_failing_target_is_told_apart(function):
    done = doctor(function)
    assert done.status == TARGET_FAILED
    assert "KeyError: 'TABLE'" in done.err
    assert "doctor.py" not in done.err
    assert done.out == ""


def test_imports_can_be_examined_without_a_handler(tmp_path):
    done = glowplug("doctor", "--import", "json,asyncio", "--python", PYTHON, cwd=tmp_path).succeeded()
    assert done.out.endswith("import json,asyncio can be imaged\n")


def test_something_has_to_be_named(tmp_path):
    done = glowplug("doctor", "--python", PYTHON, cwd=tmp_path)
    assert done.status == USAGE
    assert "--import" in done.err


def test_the_environment_is_lambdas_and_not_this_ones(function, write):
    write("function/helper.py", "import os\n\nprint(sorted(os.environ), os.getcwd())\n")
    done = doctor(function, "--env", "TABLE=items", ORCHARD="1").succeeded()
    assert "'LAMBDA_TASK_ROOT'" in done.err
    assert "'TABLE'" in done.err
    assert "ORCHARD" not in done.err
    assert str(function) in done.err


def test_numpy_is_kept_to_one_thread_unless_the_user_says_otherwise(write, tmp_path):
    write("app.py", "import numpy\n\ndef handler(event, context):\n    pass\n")
    assert "openblas" not in doctor(tmp_path).succeeded().out
    if (os.cpu_count() or 1) > 1:
        said = doctor(tmp_path, "--env", "OPENBLAS_NUM_THREADS=2").succeeded().out
        assert re.search(r"thread: the thread '.*' of lib\w*openblas\S* is carried", said)


def test_hooks_run_before_it_is_looked(write, tmp_path):
    write("app.py", HOOKED)
    done = doctor(tmp_path, "--event", write("event.json", "{}")).succeeded()
    assert done.out.endswith("app.handler can be imaged\n")


def test_a_hook_that_fails_is_the_targets_failure(write, tmp_path):
    write("app.py", HOOKED.replace("STOP.set()", "1 / 0"))
    done = doctor(tmp_path)
    assert done.status == TARGET_FAILED
    assert "ZeroDivisionError" in done.err
    assert "before_snapshot hook" in done.err


def test_idle_connections_are_closed_before_it_is_looked(write, tmp_path):
    write("app.py", IDLE)
    done = doctor(tmp_path, "--event", write("event.json", "{}")).succeeded()
    assert "the handler opened a connection to 127.0.0.1:" in done.out
