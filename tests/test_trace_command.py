"""`glowplug trace`, and lists of modules."""

import json

import pytest
from processes import ANSWER, PYTHON, glowplug, python
from snapshots import build, snapshot

# The command is one for all Pythons, and every other test builds its archives with it.
pytestmark = pytest.mark.once

TARGET_FAILED = 3


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
