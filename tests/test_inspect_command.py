"""`glowplug inspect` and `glowplug verify`, and the command itself."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from glow_file import GlowFile
from processes import COMMAND, glowplug, run
from snapshots import snapshot

# The command is one for all Pythons, and every other test builds its archives with it.
pytestmark = pytest.mark.once


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


def test_a_reader_that_has_gone_ends_the_command_without_a_word(stall):
    reading, writing = os.pipe()
    os.close(reading)
    command = [COMMAND, "inspect", stall.file, "--all"]
    done = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, check=False)
    os.close(writing)
    assert (done.returncode, done.stderr) == (128 + signal.SIGPIPE, b"")


def test_any_other_panic_aborts(stall):
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run([COMMAND, "inspect", stall], stdout=full, stderr=subprocess.PIPE, check=False)
    assert done.returncode == -signal.SIGABRT
    assert b"No space left on device" in done.stderr


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
