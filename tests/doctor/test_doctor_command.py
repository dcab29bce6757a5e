"""`glowplug doctor`: what it prints and how it ends."""

import json

import pytest
from processes import PYTHON, glowplug

# The command is one for all Pythons.
pytestmark = pytest.mark.once

IN_THE_WAY, TARGET_FAILED, USAGE = 4, 3, 2
THREAD = """
import threading
import time

import helper

def handler(event, context):
    print("handled", event)
    threading.Thread(target=time.sleep, args=(60,), name="late", daemon=True).start()
"""


@pytest.fixture
def function(write, tmp_path):
    """A function whose handler starts a thread."""
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
    assert "the daemon thread 'late' is running" in done.out
    assert f"by app ({function / 'app.py'}:9)" in done.out
    assert "remedy: start it in the handler" in done.out
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
