"""The wrapper by itself: what it starts, what it leaves as it was, and what it does when something is amiss."""

import json
import os
import statistics
import time
from pathlib import Path

import pytest
from processes import PYTHON, run

SURROUNDINGS = (
    "import json, os, sys; status = getattr(sys.modules.get('_glowplug'), 'status', dict)(); "
    "print(json.dumps([sys.argv, sys.orig_argv, sys.path, dict(os.environ), sorted(vars()), "
    "sys.flags.isolated, sys.executable, status.get('rung')]))"
)


def wrapped(layer, *command, **variables):
    """Runs a command through a layer's wrapper, which takes that layer for `/opt`."""
    return run(layer / "glowplug" / "exec", *command, GLOWPLUG_OPT=layer, GLOWPLUG_TASK_ROOT="/nowhere", **variables)


def same(layer, *command, rung="code", **variables):
    """Runs a command that prints its surroundings, with and without the wrapper; they must be the same."""
    plain = run(*command, GLOWPLUG_OPT=layer, GLOWPLUG_TASK_ROOT="/nowhere", **variables).succeeded()
    served = wrapped(layer, *command, **variables).silently()
    *seen, found = json.loads(served.out)
    *expected, _ = json.loads(plain.out)
    assert (seen, found) == (expected, rung)


def test_nothing_changes_for_a_program(layer, write):
    same(layer, PYTHON, write("program.py", SURROUNDINGS), "a", "-c", "--", "")


@pytest.mark.parametrize(
    "command",
    [
        ("-c", SURROUNDINGS, "a", "-m"),
        ("-c" + SURROUNDINGS, "a"),
        ("-Isc", SURROUNDINGS, "--", "b"),
        ("-B", "-X", "utf8", "-Wignore", "-c", SURROUNDINGS),
    ],
)
def test_nothing_changes_for_a_text(layer, command):
    same(layer, PYTHON, *command)


@pytest.mark.parametrize(
    "command", [("-m", "surroundings"), ("-Bmsurroundings", "-m"), ("--", "surroundings.py", "--")]
)
def test_nothing_changes_for_a_module_in_this_directory(layer, write, command):
    folder = write("surroundings.py", SURROUNDINGS).parent
    same(layer, PYTHON, *command, cwd=folder)


def test_a_python_is_found_in_the_path(layer):
    same(layer, PYTHON.name, "-c", SURROUNDINGS, PATH=f"/nowhere::{PYTHON.parent}:/usr/bin:/bin")


def test_a_script_that_names_a_python_is_started_too(layer, write):
    script = write("tool", f"#!{PYTHON}\n{SURROUNDINGS}")
    script.chmod(0o755)
    path = f"{script.parent}:{PYTHON.parent}:/usr/bin:/bin"
    seen = json.loads(wrapped(layer, "tool", "-c", PATH=path).silently().out)
    assert (seen[0], seen[-1]) == ([str(script), "-c"], "code")


def test_standard_input_and_the_exit_status_are_the_programs(layer):
    done = wrapped(layer, PYTHON, "-c", "import sys; sys.exit(len(sys.stdin.read()))", stdin="four\n")
    assert done.status == 5


def test_an_archive_beside_the_function_is_found(layer_copy, tmp_path):
    task = tmp_path / "task"
    task.mkdir()
    (archive,) = layer_copy.glob("glowplug/*.glow")
    archive.rename(task / archive.name)
    command = (layer_copy / "glowplug" / "exec", PYTHON, "-c", SURROUNDINGS)
    found = run(*command, GLOWPLUG_OPT=layer_copy, GLOWPLUG_TASK_ROOT=task).silently()
    assert json.loads(found.out)[-1] == "code"


def test_an_archive_can_be_named(layer_copy, tmp_path):
    (archive,) = layer_copy.glob("glowplug/*.glow")
    named = archive.rename(tmp_path / "any name")
    done = wrapped(layer_copy, PYTHON, "-c", SURROUNDINGS, GLOWPLUG_ARCHIVE=named).silently()
    assert json.loads(done.out)[-1] == "code"


def test_of_several_archives_the_one_for_this_python_is_taken(layer_copy):
    (archive,) = layer_copy.glob("glowplug/*.glow")
    (archive.parent / "a.cpython-39-x86_64-linux-gnu.0123456789abcdef.glow").write_bytes(archive.read_bytes())
    done = wrapped(layer_copy, PYTHON, "-c", SURROUNDINGS).silently()
    assert json.loads(done.out)[-1] == "code"


def amiss(layer, lines, **variables):
    """Runs a program that has to start the plain way, with so many lines on stderr."""
    done = wrapped(layer, PYTHON, "-c", SURROUNDINGS, "a", **variables).succeeded()
    seen = json.loads(done.out)
    assert seen[:2] == [["-c", "a"], [str(PYTHON), "-c", SURROUNDINGS, "a"]]
    assert seen[-1] in (None, "plain")
    assert len(done.lines) == len(done.err.splitlines()) == lines, done.err
    return done.err


def test_without_an_archive_python_starts_the_plain_way(layer_copy):
    next(layer_copy.glob("glowplug/*.glow")).unlink()
    assert "no archive" in amiss(layer_copy, 1)
    amiss(layer_copy, 0, GLOWPLUG_LOG="off")


def test_with_another_pythons_archive_python_starts_the_plain_way(layer_copy):
    (archive,) = layer_copy.glob("glowplug/*.glow")
    archive.rename(archive.with_name("a.cpython-39-x86_64-linux-gnu.0123456789abcdef.glow"))
    assert "is for this interpreter" in amiss(layer_copy, 1)


def test_with_a_damaged_archive_python_starts_the_plain_way(layer_copy):
    (archive,) = layer_copy.glob("glowplug/*.glow")
    archive.write_bytes(archive.read_bytes()[:5000])
    amiss(layer_copy, 1)


def test_with_an_archive_that_is_a_folder_python_starts_the_plain_way(layer_copy):
    (archive,) = layer_copy.glob("glowplug/*.glow")
    archive.unlink()
    archive.mkdir()
    amiss(layer_copy, 1)


def test_without_the_start_script_python_starts_the_plain_way(layer_copy):
    (layer_copy / "glowplug" / "start.py").unlink()
    assert "start.py" in amiss(layer_copy, 1)


@pytest.mark.parametrize("content", [None, b"", b"not a shared object"])
def test_with_a_bad_loader_python_starts_the_plain_way(layer_copy, content):
    # In the environment of the tests the wheel's loader would be found: here it is the layer's that counts.
    loader = layer_copy / "python" / "_glowplug.abi3.so"
    loader.unlink()
    if content is not None:
        loader.write_bytes(content)
    assert "starting the plain way" in amiss(layer_copy, 1)


def test_with_a_missing_named_archive_python_starts_the_plain_way(layer):
    amiss(layer, 1, GLOWPLUG_ARCHIVE="/nowhere/a.glow")


def test_switched_off_it_does_nothing(layer):
    amiss(layer, 0, GLOWPLUG_MODE="off")


def test_a_strict_start_fails_instead(layer_copy):
    (archive,) = layer_copy.glob("glowplug/*.glow")
    archive.write_bytes(b"")
    done = wrapped(layer_copy, PYTHON, "-c", "pass", GLOWPLUG_STRICT=1)
    assert (done.status, len(done.lines)) == (1, 1)


def test_what_is_not_python_is_executed_as_it_is(layer):
    done = wrapped(layer, "/bin/sh", "-c", "echo $0 $1", "a", "b").silently()
    assert done.out == "a b\n"
    assert wrapped(layer, "echo", "-c").silently().out == "-c\n"


@pytest.mark.parametrize(("command", "status"), [(("/no/such/python", "a.py"), 127), (("no-such",), 127), ((), 127)])
def test_a_command_that_is_not_there_is_named(layer, command, status):
    done = wrapped(layer, *command)
    assert (done.status, len(done.lines)) == (status, 1)


def test_the_wrapper_takes_less_than_a_millisecond(layer, tmp_path):
    # A program that does nothing, under a name that makes the wrapper do everything.
    nothing = Path(tmp_path, "python")
    nothing.symlink_to("/bin/true")
    environment = {"GLOWPLUG_OPT": str(layer), "GLOWPLUG_TASK_ROOT": str(tmp_path)}

    def once(*command):
        began = time.perf_counter()
        os.waitpid(os.posix_spawn(command[0], command, environment), 0)
        return time.perf_counter() - began

    program, wrapper = str(nothing), str(layer / "glowplug" / "exec")
    pairs = [(once(program, "-m", "x"), once(wrapper, program, "-m", "x")) for _ in range(200)]
    cost = statistics.median(wrapped - plain for plain, wrapped in pairs)
    print(f"the wrapper's own time: {cost * 1e3:.2f} ms")
    assert cost < 1e-3
