"""`glowplug bench`: one function, two ways to start, three runs; and what becomes of functions that fail."""

import json
import math

import pytest
from processes import PYTHON, glowplug

pytestmark = pytest.mark.once

PHASES = ("extensions", "rung", "import", "first next", "extensions ready", "invocation")


def bench(folder, *arguments):
    """Runs the suite on this Python as it is, so that nothing is installed."""
    return glowplug("bench", "--runtime", PYTHON, "--work", folder / "work", "-o", folder / "report", *arguments)


def results(folder):
    """What the suite wrote."""
    return json.loads((folder / "report" / "results.json").read_text())


def samples(entry):
    """The samples of an entry, by measure."""
    return {series["measure"]: series["samples"] for series in entry["series"]}


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """The folder of a run."""
    folder = tmp_path_factory.mktemp("bench")
    bench(
        folder, "-f", "bare-json", "--variant", "plain", "--variant", "code", "--condition", "warm", "-n", "3"
    ).succeeded()
    return folder


def function(folder, source):
    """A function of the user's."""
    folder.mkdir()
    (folder / "app.py").write_text(source)
    (folder / "event.json").write_text("{}")
    return folder


def only_entry(folder, source, *arguments):
    """What a run with a function of the user's found, started the plain way."""
    mine = function(folder / "mine", source)
    bench(folder, "-f", mine, "--variant", "plain", "--condition", "warm", "-n", "2", *arguments).succeeded()
    (entry,) = results(folder)["entries"]
    assert entry["function"] == "mine"
    return entry


def test_every_start_is_in_the_results_and_its_phases_add_up(report):
    found = results(report)
    assert (found["format"], found["version"], found["source"]) == ("glowplug-bench", 2, "local")
    assert [entry["variant"] for entry in found["entries"]] == ["plain", "code"]
    for entry in found["entries"]:
        assert entry["rung"] == entry["variant"]
        taken = samples(entry)
        assert len(taken["start"]) == len(taken["second"]) == 3
        for number, start in enumerate(taken["start"]):
            assert math.isclose(start, sum(taken[phase][number] for phase in PHASES), rel_tol=1e-9)
            assert taken["second"][number] < start
        # Plain Python decides nothing; from an archive it is the interpreter that comes up first.
        assert (min(taken["rung"]) > 1) == (max(taken["rung"]) > 0) == (entry["variant"] == "code")
        assert min(taken["peak rss"]) > 5 and min(taken["minor faults"]) > 100


def test_the_sandbox_takes_the_moment_of_the_rung_out_of_the_log(tmp_path):
    root = function(tmp_path / "mine", "def handler(event, context):\n    return 1\n")
    glowplug("snapshot", "app.handler", "--root", root, "-o", tmp_path, "--python", PYTHON).succeeded()
    (archive,) = tmp_path.glob("*.glow")
    glowplug("layer", "--archive", archive, "--dir", tmp_path / "layer").succeeded()
    command = ("invoke", "app.handler", "--root", root, "--event", root / "event.json", "--layer", tmp_path / "layer")
    for variable, moments in (("GLOWPLUG_MOMENTS=1", ["rung decided: code"]), ("OTHER=1", [])):
        done = glowplug(*command, "--json", "--python", PYTHON, "--env", variable).succeeded()
        outcome = json.loads(done.out)["outcome"]
        assert "rung" not in outcome["log"]
        told = [moment["what"] for moment in outcome["timeline"]]
        assert [what for what in told if what.startswith("rung")] == moments
        assert told[told.index("handler imported") - len(moments)] == (moments or ["handler imported"])[0]


def test_reports_are_written_beside_the_results(report):
    markdown = (report / "report" / "report.md").read_text()
    page = (report / "report" / "report.html").read_text()
    for variant in ("plain", "code"):
        assert f"| {variant} | 3 |" in markdown
        assert f'class="bar" data-variant="{variant}"' in page
    assert "Only 3 runs of each variant" in markdown


def test_a_run_compared_with_itself_has_not_changed_and_a_slower_one_exceeds_the_threshold(report, tmp_path):
    file = report / "report" / "results.json"
    assert "no difference" in glowplug("bench", "compare", file, file, "--threshold", "1").succeeded().out
    before, after = results(report), results(report)
    for found, factor in ((before, 1), (after, 1.5)):
        for entry in found["entries"]:
            slower = factor if entry["variant"] == "code" else 1
            taken = samples(entry)["start"]
            taken[:] = [(100 + number) * slower for number in range(20)]
    (tmp_path / "before.json").write_text(json.dumps(before))
    (tmp_path / "after.json").write_text(json.dumps(after))
    compared = ("bench", "compare", tmp_path / "before.json", tmp_path / "after.json", "--threshold")
    assert glowplug(*compared, "40").status == 4
    assert glowplug(*compared, "60").status == 0


def test_answers_that_differ_make_a_variant_void(tmp_path):
    source = "import itertools, os\n\ndef handler(event, context):\n    return os.urandom(8).hex()\n"
    assert "is right" in only_entry(tmp_path, source)["void"]


def test_any_answer_counts_where_that_was_said(tmp_path):
    source = "import os\n\ndef handler(event, context):\n    return os.urandom(8).hex()\n"
    entry = only_entry(tmp_path, source, "--any-response")
    assert entry.get("void") is None
    assert len(samples(entry)["start"]) == 2


def test_a_function_that_fails_is_void_with_its_error(tmp_path):
    entry = only_entry(tmp_path, "def handler(event, context):\n    raise ValueError('no order')\n")
    assert "no order" in entry["void"]
    assert entry["series"] == []


def test_a_user_is_told_what_there_is():
    listed = glowplug("bench", "list").silently().out
    for name in ("bare-json", "code+extension", "memory-128"):
        assert f"  {name}" in listed
    done = glowplug("bench", "-f", "no-such-function")
    assert done.status == 1
    assert "neither a directory nor one of bare-json" in done.err


def test_logs_become_the_same_kind_of_results(tmp_path):
    log = "".join(
        f"REPORT RequestId: {n}\tDuration: {10 + n} ms\tBilled Duration: 99 ms\tMemory Size: 512 MB\t"
        f"Max Memory Used: 80 MB\tInit Duration: {100 + n}.5 ms\t\n"
        for n in range(3)
    )
    (tmp_path / "orders.log").write_text(log + "REPORT RequestId: 4\tDur\n")
    glowplug("bench", "ingest", f"orders:plain={tmp_path}/orders.log", "-o", tmp_path / "report").succeeded()
    found = results(tmp_path)
    assert samples(found["entries"][0])["start"] == [110.5, 112.5, 114.5]
    assert found["malformed"]["lines"] == 1
