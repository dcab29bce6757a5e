"""`glowplug snapshot`: what it writes, prints and records."""

import json
import os
import re
from pathlib import Path

import pytest
from processes import python
from snapshots import build, left, snapshot

# The command is one for all Pythons, and every other test builds its archives with it.
pytestmark = pytest.mark.once


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
