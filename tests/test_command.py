"""The `glowplug` command: snapshot, trace, run, inspect, verify."""

import json
import os
import re
import sys
from pathlib import Path

import pytest
from glow_file import GlowFile
from processes import PYTHON, glowplug, python, run, same
from snapshots import copy_of, snapshot

# The command is one for all Pythons, and every other test builds its archives with it.
pytestmark = pytest.mark.once

ANSWER = "import stall; print(stall.handler({}, None))"
TARGET_FAILED = 3


@pytest.fixture
def function(tmp_path):
    """A copy of the function."""
    return copy_of("stall", tmp_path / "function")


def build(*arguments, **options):
    """`glowplug snapshot` with the Python under test."""
    return glowplug("snapshot", *arguments, "--python", PYTHON, **options)


def left(folder):
    """All files below a folder, hidden ones too."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*")) if folder.exists() else []


# snapshot


def test_snapshot_writes_one_archive_named_after_name_and_interpreter(function, tmp_path):
    out = tmp_path / "out"
    build("stall.handler", "--root", function, "-o", out, "--name", "shop").succeeded()
    (name,) = left(out)
    soabi = python("-c", "import sysconfig; print(sysconfig.get_config_var('SOABI'))").out.strip()
    assert re.fullmatch(rf"shop\.{re.escape(soabi)}\.[0-9a-f]{{16}}\.glow", name)
    fingerprint = python("-c", "import _glowplug; print(_glowplug.fingerprint()['id'])").out.strip()
    assert f".{fingerprint}." in name


def test_snapshot_prints_a_summary(function, tmp_path):
    done = build("stall.handler", "--root", function, "-o", tmp_path / "out").succeeded()
    assert "Traceback" not in done.err
    for part in ("stall.handler", "modules", "left out", ".pyc", "shared librar", "data file", "unchecked", "time"):
        assert part in done.out
    assert str(tmp_path / "out") in done.out


def test_snapshot_prints_its_summary_as_json(function, tmp_path):
    done = build("stall.handler", "--root", function, "-o", tmp_path / "out", "--json").succeeded()
    summary = json.loads(done.out)
    assert Path(summary["path"]).stat().st_size == summary["bytes"]
    assert summary["modules"] > 20
    assert summary["validation"] == "unchecked"


def test_snapshot_needs_no_root_for_a_handler_in_this_directory(function, tmp_path):
    build("stall.handler", "-o", tmp_path / "out", cwd=function).succeeded()
    assert len(left(tmp_path / "out")) == 1


def test_snapshot_writes_nothing_into_the_functions_directory(function, tmp_path):
    before = left(function)
    build("stall.handler", "--root", function, "-o", tmp_path / "out").succeeded()
    assert left(function) == before


def test_snapshot_replaces_the_archive_that_was_there(function, tmp_path):
    first = snapshot(tmp_path / "out", "stall.handler", root=function)
    was = first.file.stat()
    (function / "stall.py").write_text("import json\ndef handler(event, context): pass\n")
    with first.file.open("rb"):  # The old file lives on, so that its number is not given to the new one.
        build("stall.handler", "--root", function, "-o", tmp_path / "out").succeeded()
    assert left(tmp_path / "out") == [first.file.name]
    assert first.file.stat().st_ino != was.st_ino
    assert first.file.stat().st_size < was.st_size


@pytest.mark.parametrize("handler", ["pkg.app.handler", "pkg/app.handler"])
def test_a_handler_may_lie_in_a_package(handler, tmp_path, write):
    write("function/pkg/app.py", "def handler(event, context): return 1\n")
    archive = snapshot(tmp_path / "out", handler, root=tmp_path / "function")
    assert "pkg.app" in archive.modules


def test_events_show_what_is_imported_late(function, tmp_path, write):
    event = write("event.json", '{"kilos": 3}')
    without = snapshot(tmp_path / "a", "stall.handler", root=function)
    with_event = snapshot(tmp_path / "b", "stall.handler", "--event", event, root=function)
    assert "orchard.late" not in without.modules
    assert {"orchard.late", "orchard.long"} <= set(with_event.modules)


def test_an_event_is_named_by_a_file_in_the_functions_directory(function, tmp_path):
    (function / "weighing.json").write_text("{}")
    archive = snapshot(tmp_path / "a", "stall.handler", "--event", "weighing", root=function)
    assert "orchard.late" in archive.modules


def test_several_events_are_handled_in_turn(tmp_path, write):
    write(
        "function/app.py", "def handler(event, context):\n    print('event', event['n'])\n    __import__(event['n'])\n"
    )
    events = [write(f"{name}.json", json.dumps({"n": name})) for name in ("colorsys", "sched")]
    arguments = [part for event in events for part in ("--event", event)]
    archive = snapshot(tmp_path / "out", "app.handler", *arguments, root=tmp_path / "function")
    assert {"colorsys", "sched"} <= set(archive.modules)
    assert archive.summary.index("event colorsys") < archive.summary.index("event sched")


def test_the_context_is_like_lambdas(tmp_path, write):
    program = """
def handler(event, context):
    assert context.get_remaining_time_in_millis() > 0
    assert context.invoked_function_arn.startswith("arn:aws:lambda:")
    names = "function_name function_version memory_limit_in_mb aws_request_id log_group_name log_stream_name identity"
    [getattr(context, name) for name in names.split() + ["client_context"]]
"""
    write("function/app.py", program)
    event = write("event.json", "{}")
    snapshot(tmp_path / "out", "app.handler", "--event", event, root=tmp_path / "function")


def test_imports_are_snapshotted_without_a_handler(tmp_path):
    archive = snapshot(tmp_path / "out", "--import", "json,colorsys", "--import", "sched")
    assert {"json", "json.decoder", "colorsys", "sched"} <= set(archive.modules)
    assert archive.file.name.startswith("json.")


def test_environment_variables_reach_the_target(tmp_path, write):
    write("function/app.py", "import os, sys\nprint([os.environ.get(k) for k in 'ABCD'])\nhandler = print\n")
    file = write("variables", "A=from file\n# comment\nexport B='quoted value'\nC=\"from file\"\n")
    done = build("app.handler", "--root", tmp_path / "function", "-o", tmp_path / "out", "--env-file", file,
                 "--env", "C=given", "--env", "D=x=y").succeeded()  # fmt: skip
    assert "['from file', 'quoted value', 'given', 'x=y']" in done.out + done.err


def test_the_target_sees_no_glowplug_variables_and_no_archive(tmp_path, write, stall):
    program = (
        "import os, sys\nprint('seen', [k for k in os.environ if k.startswith('GLOWPLUG')], '_glowplug' in sys.modules)"
    )
    write("function/app.py", program + "\nhandler = print\n")
    done = build("app.handler", "--root", tmp_path / "function", "-o", tmp_path / "out", GLOWPLUG_ARCHIVE=stall)
    assert "seen [] False" in done.succeeded().out + done.err


def test_the_target_sees_itself_as_in_its_own_runtime(tmp_path, write):
    write(
        "function/app.py", "import sys\nprint('seen', sys.path[0], __name__, 'json' in sys.modules)\nhandler = print\n"
    )
    done = build("app.handler", "--root", tmp_path / "function", "-o", tmp_path / "out").succeeded()
    assert f"seen {tmp_path / 'function'} app False" in done.out + done.err


@pytest.mark.parametrize("validation", ["checked-stat", "checked-hash", "unchecked"])
def test_the_validation_is_recorded(validation, tmp_path):
    archive = snapshot(tmp_path, "--import", "colorsys", "--validate", validation)
    assert archive.inspected["validation"] == validation
    program = "import colorsys, _glowplug; print(_glowplug.status()['validation'], type(colorsys.__loader__).__name__)"
    done = python("-c", program, archive=archive, GLOWPLUG_STRICT=1).silently()
    assert done.out == f"{validation} ArchiveLoader\n"


def test_missing_and_stale_bytecode_is_reported(tmp_path, write):
    import py_compile

    for name in ("good", "stale", "missing"):
        source = write(f"function/{name}.py", f"NAME = {name!r}\n")
        if name != "missing":
            py_compile.compile(str(source))
        if name == "stale":
            os.utime(source, (1, 1))
    archive = snapshot(tmp_path / "out", "--import", "good,stale,missing", PYTHONPATH=tmp_path / "function")
    states = {entry["name"]: entry["state"] for entry in archive.manifest["stale_pyc"]}
    assert {name: states.get(name) for name in ("good", "stale", "missing")} == {
        "good": None,
        "stale": "stale",
        "missing": "missing",
    }
    assert "1 stale (stale)" in archive.summary


def test_data_files_and_shared_libraries_are_recorded(function, tmp_path):
    event = function / "event.json"
    event.write_text("{}")
    archive = snapshot(tmp_path, "stall.handler", "--event", event, root=function)
    files = [entry["path"] for entry in archive.manifest["data_files"]]
    assert str(function / "orchard" / "data" / "basket.json") in files
    assert any("libc" in Path(path).name for path in archive.manifest["shared_libraries"])


def test_what_cannot_be_archived_is_left_out_with_a_reason_and_works(tmp_path, write):
    import py_compile
    import zipfile

    source = write("function/bare.py", "NAME = 'bytecode only'\n")
    py_compile.compile(str(source), cfile=str(source.with_suffix(".pyc")))
    source.unlink()
    with zipfile.ZipFile(tmp_path / "function" / "zipped.zip", "w") as file:
        file.writestr("zipped.py", "NAME = 'in a zip file'\n")
    app = (
        "import sys, types\nfrom pathlib import Path\n"
        "sys.path.append(str(Path(__file__).parent / 'zipped.zip'))\n"
        "import bare, zipped\n"
        "made = types.ModuleType('made'); made.__file__ = 'made up'; sys.modules['made'] = made\n"
        "def handler(event, context): return bare.NAME, zipped.NAME\n"
    )
    write("function/app.py", app)
    archive = snapshot(tmp_path / "out", "app.handler", root=tmp_path / "function")
    assert set(archive.left_out) >= {"bare", "zipped", "made"}
    assert "no source" in archive.left_out["bare"]
    assert "zip" in archive.left_out["zipped"]
    assert "bare" in archive.summary
    done = python("-c", "import app; print(app.handler(0, 0))", cwd=tmp_path / "function", archive=archive)
    assert done.silently().out == "('bytecode only', 'in a zip file')\n"


# A target that fails.

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


# trace and --modules


def test_trace_writes_a_list_that_snapshot_reads(function, tmp_path):
    listed = tmp_path / "modules.txt"
    glowplug("trace", "stall.handler", "--root", function, "--python", PYTHON, "-o", listed).succeeded()
    text = listed.read_text(encoding="utf-8")
    names = [line.split("\t")[0] for line in text.splitlines() if line and not line.startswith("#")]
    assert {"stall", "orchard", "orchard.apples", "json"} <= set(names)
    whole = snapshot(tmp_path / "a", "stall.handler", "--modules", listed, root=function)
    assert set(whole.modules) == set(snapshot(tmp_path / "b", "stall.handler", root=function).modules)


def test_an_edited_list_decides_what_goes_in(function, tmp_path):
    listed = tmp_path / "modules.txt"
    glowplug("trace", "stall.handler", "--root", function, "--python", PYTHON, "-o", listed).succeeded()
    lines = listed.read_text(encoding="utf-8").splitlines()
    lines = [line for line in lines if not line.startswith("orchard.apples\t")]
    lines += ["# by hand:", "orchard.late  # imported on the first call", "colorsys", "", "no.such.module"]
    listed.write_text("\n".join(lines), encoding="utf-8")
    archive = snapshot(tmp_path / "a", "stall.handler", "--modules", listed, root=function)
    assert {"orchard.late", "colorsys", "orchard.pears"} <= set(archive.modules)
    assert "orchard.apples" not in archive.modules
    assert "--modules" in archive.left_out["orchard.apples"]
    assert "not found" in archive.left_out["no.such.module"]
    program = f"{ANSWER}\nimport sys\nprint([type(sys.modules[n].__loader__).__name__ for n in "
    program += "('orchard.apples', 'orchard.late', 'orchard.pears')])"
    done = python("-c", program, cwd=function, archive=archive, GLOWPLUG_STRICT=1).silently()
    assert done.out.splitlines()[-1] == "['SourceFileLoader', 'ArchiveLoader', 'ArchiveLoader']"


def test_a_list_alone_can_be_snapshotted(tmp_path, write):
    listed = write("modules.txt", "colorsys\njson\n")
    archive = snapshot(tmp_path / "out", "--modules", listed)
    assert sorted(archive.modules) == ["colorsys", "json"]


def test_a_list_with_something_else_in_it_is_wrong_usage_with_the_line(tmp_path, write):
    listed = write("modules.txt", "json\nnot a module\n")
    done = build("--import", "json", "--modules", listed, "-o", tmp_path)
    assert done.status == 2
    assert "line 2" in done.err


def test_trace_prints_to_stdout_and_as_json(function):
    arguments = ("trace", "stall.handler", "--root", function, "--python", PYTHON)
    assert "orchard.apples\t" in glowplug(*arguments).succeeded().out
    recorded = json.loads(glowplug(*arguments, "--json").succeeded().out)
    names = [module["name"] for module in recorded["modules"]]
    assert names.index("stall") < names.index("orchard") < names.index("orchard.apples")


def test_trace_of_a_failing_target_fails_too(tmp_path, write):
    write("app.py", "1 / 0\n")
    listed = tmp_path / "modules.txt"
    done = glowplug("trace", "app.handler", "--python", PYTHON, "-o", listed, cwd=tmp_path)
    assert done.status == TARGET_FAILED
    assert "ZeroDivisionError" in done.err
    assert not listed.exists()


# run

SELF = """
import sys, os
main = sys.modules["__main__"]
print(sys.argv, sys.orig_argv[1:] == sys.orig_argv[-len(sys.orig_argv) + 1:], sys.path, sys.flags, sys.warnoptions)
print(sorted(vars(main)), main.__name__, main.__doc__, main.__package__, main.__spec__ and main.__spec__.name)
print(type(main.__loader__).__name__, getattr(main.__loader__, "__name__", None))
print(getattr(main, "__file__", None), getattr(main, "__cached__", "-"), main.__builtins__, main.__dict__ is globals())
print(sys.executable, sys.prefix, os.getcwd(), sys._getframe().f_code.co_filename)
print(getattr(main, "__annotations__", "-"), __name__ == "__main__")
"""

PROGRAM_LINES = {
    "-c": ("-c", SELF, "one", "-two"),
    "-c in a cluster": ("-BEc", SELF),
    "-m": ("-m", "look", "one"),
    "-m of a package": ("-m", "package", "one"),
    "script": ("look.py", "one", "--two=3"),
    "script with a path": ("./sub/../look.py",),
    "linked script": ("link.py",),
    "absolute script": ("{folder}/look.py",),
    "directory": ("package",),
    "-I": ("-I", "look.py"),
    "-I -c": ("-I", "-c", SELF),
    "-X dev -W": ("-X", "dev", "-W", "error::UserWarning", "-c", SELF),
    "fails": ("-c", "def f():\n    1 / 0\nf()"),
    "script fails": ("failing.py",),
    "-m fails": ("-m", "failing"),
    "does not compile": ("-c", "x = = 1"),
    "script does not compile": ("wrong.py",),
    "no such script": ("nowhere.py",),
    "no such module": ("-m", "nowhere"),
    "exit status": ("-c", "import sys; sys.exit(7)"),
    "exit text": ("-c", "import sys; sys.exit('why')"),
    "stdin": ("-c", "import sys; print(sys.stdin.read())"),
    "excepthook": ("-c", "import sys; sys.excepthook = lambda *a: print('hook', a[0], a[1]); 1 / 0"),
    "annotations": ("-c", "x: int = 1\nprint(__annotations__)"),
    "last exception": ("-i", "-c", "1 / 0"),
    "atexit": ("-c", "import atexit; atexit.register(print, 'bye'); raise KeyError(1)"),
    "chained": ("-c", "try:\n    1 / 0\nexcept ZeroDivisionError as e:\n    raise KeyError(2) from e"),
    "keyboard interrupt": ("-c", "raise KeyboardInterrupt"),
    "future": ("-c", "def f(x: y): pass\nprint(f.__annotations__ if 0 else 1)"),
    "pickle of main": ("picklable.py",),
    "inspect main": ("-c", "import inspect; print(inspect.currentframe().f_lineno, inspect.stack()[0][1:4])"),
    "question": ("--version",),
    "from stdin": ("-", "x"),
}  # fmt: skip


@pytest.fixture
def programs(tmp_path, write):
    """A folder of programs."""
    write("look.py", '"""Doc."""\n' + SELF)
    write("package/__main__.py", SELF)
    write("package/__init__.py", "")
    write("failing.py", "import json\n\n\ndef fail():\n    json.loads('{')\n\n\nfail()\n")
    write("wrong.py", "x = 1\ny = = 2\n")
    (tmp_path / "sub").mkdir()
    (tmp_path / "link.py").symlink_to("package/__main__.py")
    write(
        "picklable.py",
        "import pickle\nclass C:\n    x = 1\nprint(pickle.loads(pickle.dumps(C())).x, pickle.dumps(C)[:20])\n",
    )
    return tmp_path


@pytest.mark.parametrize("line", PROGRAM_LINES)
def test_run_shows_a_program_what_plain_python_shows_it(line, programs, stall):
    arguments = [part.replace("{folder}", str(programs)) for part in PROGRAM_LINES[line]]
    options = {"cwd": programs, "stdin": "print('typed')\n"}
    plain = python(*arguments, **options)
    done = glowplug("run", "--archive", stall, "--", PYTHON, *arguments, GLOWPLUG_STRICT=1, **options)
    same(done, plain)


@pytest.mark.parametrize("line", ["-c", "-m", "script", "directory"])
def test_run_gives_the_original_command_line_but_for_nothing(line, programs, stall):
    write_argv = "import sys; print(sys.orig_argv)"
    for file in ("look.py", "package/__main__.py"):
        (programs / file).write_text(write_argv)
    arguments = [write_argv if part == SELF else part for part in PROGRAM_LINES[line]]
    plain = python(*arguments, cwd=programs)
    done = glowplug("run", "--archive", stall, "--", PYTHON, *arguments, cwd=programs)
    same(done, plain)


def test_run_starts_from_the_archive_where_the_wheel_is_not_installed(stall, tmp_path):
    bare = tmp_path / "bare"
    python("-m", "venv", "--without-pip", bare).succeeded()
    program = f"{ANSWER}; import sys; print(type(sys.modules['orchard.apples'].__loader__).__name__)"
    done = glowplug("run", "--archive", stall, "--", bare / "bin" / "python", "-c", program, cwd=stall.root,
                    GLOWPLUG_STRICT=1)  # fmt: skip
    assert done.silently().out.endswith("ArchiveLoader\n")


def test_run_takes_the_fitting_archive_of_a_directory(stall):
    program = "import stall; print(type(stall.__loader__).__name__)"
    folder = stall.file.parent
    for name in folder.glob("*.glow"):
        if name != stall.file:
            folder = None
    arguments = ("--archive-dir", folder) if folder else ("--archive", stall)
    done = glowplug("run", *arguments, "--", PYTHON, "-c", program, cwd=stall.root, GLOWPLUG_STRICT=1)
    assert done.silently().out == "ArchiveLoader\n"


def test_run_takes_the_archive_of_this_directory_without_being_told(function, tmp_path):
    snapshot(function, "stall.handler", root=function)
    program = "import stall; print(type(stall.__loader__).__name__)"
    done = glowplug("run", "--", PYTHON, "-c", program, cwd=function, GLOWPLUG_STRICT=1)
    assert done.silently().out == "ArchiveLoader\n"


def test_run_finds_python_by_its_name(stall):
    path = f"{PYTHON.parent}:{os.environ['PATH']}"
    done = glowplug("run", "--archive", stall, "--", "python", "-c", "import sys; print(sys.prefix)", PATH=path)
    assert done.silently().out == f"{sys.prefix}\n"


@pytest.mark.parametrize(
    ("mode", "loader"), [("auto", "ArchiveLoader"), ("code", "ArchiveLoader"), ("off", "SourceFileLoader")]
)
def test_run_has_modes(mode, loader, stall):
    program = "import stall; print(type(stall.__loader__).__name__)"
    done = glowplug("run", "--archive", stall, "--mode", mode, "--", PYTHON, "-c", program, cwd=stall.root)
    assert done.silently().out == f"{loader}\n"


def test_run_with_a_bad_archive_says_one_line_and_starts_the_plain_way(stall, tmp_path):
    missing = tmp_path / "missing.glow"
    done = glowplug("run", "--archive", missing, "--", PYTHON, "-c", ANSWER, cwd=stall.root).succeeded()
    assert "'price': 5.0" in done.out
    (line,) = done.err.splitlines()
    assert str(missing) in line
    strict = glowplug("run", "--archive", missing, "--", PYTHON, "-c", ANSWER, cwd=stall.root, GLOWPLUG_STRICT=1)
    assert (strict.status, strict.out) == (1, "")


def test_run_names_where_the_function_is_now(function, tmp_path):
    archive = snapshot(tmp_path / "out", "stall.handler", root=function)
    new = function.rename(tmp_path / "moved")
    program = f"import sys; sys.path.append({str(new)!r}); import stall; print(type(stall.__loader__).__name__)"
    done = glowplug("run", "--archive", archive, "--root", new, "--", PYTHON, "-c", program)
    assert done.silently().out == "ArchiveLoader\n"


def test_run_runs_scripts_that_name_python_in_their_first_line(stall, tmp_path):
    script = tmp_path / "tool"
    script.write_text(f"#!{PYTHON}\nimport sys, json\nprint(sys.argv, type(json.__loader__).__name__)\n")
    script.chmod(0o755)
    done = glowplug("run", "--archive", stall, "--", script, "x", GLOWPLUG_STRICT=1).silently()
    assert done.out == f"['{script}', 'x'] ArchiveLoader\n"


def test_run_of_what_is_not_there_says_so():
    done = glowplug("run", "--", "no-such-program")
    assert done.status in (1, 127)
    assert "no-such-program" in done.err


def test_children_of_a_run_program_start_from_the_archive_too(stall):
    program = "import subprocess, sys; subprocess.run([sys.executable, '-c', sys.argv[1]], check=True)"
    child = "import stall; print(type(stall.__loader__).__name__)"
    done = glowplug("run", "--archive", stall, "--", PYTHON, "-c", program, child, cwd=stall.root, GLOWPLUG_STRICT=1)
    assert done.silently().out == "ArchiveLoader\n"


# inspect and verify


def test_inspect_shows_header_sections_modules_and_what_was_left_out(stall):
    out = glowplug("inspect", stall, "--all").silently().out
    for part in ("fingerprint", "heap", "orchard.apples", "left out", "unchecked", "stall.handler"):
        assert part in out
    version = sys.version.split()[0].rstrip("+")
    assert version in out


def test_inspect_agrees_with_the_bytes_of_the_file(stall):
    found, glow = stall.inspected, GlowFile(stall.file)
    sections = {name: (section.offset, section.length) for name, section in glow.sections.items()}
    assert {s["name"]: (s["offset"], s["length"]) for s in found["sections"]} == sections
    assert found["bytes"] == len(glow.bytes)
    assert int(found["fingerprint"]["id"], 16) == glow.get("fingerprint")
    sizes = {module["name"]: module["bytes"] for module in found["manifest"]["modules"]}
    assert sizes["orchard.apples"] == glow.module("orchard.apples")["unpacked"]
    assert found["manifest"]["regexes"] == len(glow.regexes())


@pytest.mark.parametrize("command", ["inspect", "verify"])
def test_a_bad_file_is_an_error_with_its_name(command, stall, tmp_path):
    bad = tmp_path / "bad.glow"
    for content in (None, b"", b"text", GlowFile(stall.file).bytes[:5000]):
        if content is not None:
            bad.write_bytes(content)
        done = glowplug(command, bad)
        assert done.status == 1
        assert str(bad) in done.out + done.err
        assert "panicked" not in done.err


def test_verify_of_a_good_archive_succeeds(stall):
    done = glowplug("verify", stall).silently()
    assert "sound" in done.out
    report = json.loads(glowplug("verify", stall, "--json").silently().out)
    assert report["damage"] == report["differences"] == []


def test_verify_tells_sources_that_differ_from_the_archive(function, tmp_path):
    archive = snapshot(tmp_path / "out", "stall.handler", root=function)
    (function / "orchard" / "apples.py").write_text("# changed\n")
    (function / "orchard" / "pears" / "conference.py").unlink()
    done = glowplug("verify", archive)
    assert done.status == 4
    assert re.search(r"orchard\.apples: .*\(changed\)", done.out)
    assert re.search(r"orchard\.pears\.conference: .*\(missing\)", done.out)
    report = json.loads(glowplug("verify", archive, "--json").out)
    states = {entry["module"]: entry["state"] for entry in report["differences"]}
    assert states == {"orchard.apples": "changed", "orchard.pears.conference": "missing"}


def test_verify_can_be_told_where_the_function_is_now(function, tmp_path):
    archive = snapshot(tmp_path / "out", "stall.handler", root=function)
    new = function.rename(tmp_path / "moved")
    assert glowplug("verify", archive).status == 4
    glowplug("verify", archive, "--root", new).silently()
    glowplug("verify", archive, "--root", f"{function}={new}").silently()


# The command itself.


@pytest.mark.parametrize("command", [(), ("snapshot",), ("trace",), ("run",), ("inspect",), ("verify",)])
def test_help_is_there_for_every_command(command):
    done = glowplug(*command, "--help").silently()
    assert "Usage: glowplug" in done.out
    assert all(len(line) <= 110 for line in done.out.splitlines())


def test_the_version_is_that_of_the_wheel():
    import importlib.metadata

    assert glowplug("--version").silently().out == f"glowplug {importlib.metadata.version('glowplug')}\n"


def test_the_command_needs_no_library_and_no_environment(stall):
    done = run("/usr/bin/env", "-i", Path(sys.prefix) / "bin" / "glowplug", "verify", stall)
    assert done.silently().out
