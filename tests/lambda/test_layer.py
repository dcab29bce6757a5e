"""`glowplug layer`: the zip file and the tree."""

import json
import os
import shutil
import stat
import zipfile

import pytest
from processes import glowplug

pytestmark = pytest.mark.once


@pytest.fixture(scope="module")
def archive(functions):
    return functions.archive("exits.raises")


def test_the_same_inputs_give_the_same_bytes(archive, tmp_path):
    copy = tmp_path / "elsewhere" / archive.file.name
    copy.parent.mkdir()
    copy.write_bytes(archive.file.read_bytes())
    os.utime(copy, (0, 0))
    glowplug("layer", "--archive", archive, "-o", tmp_path / "a.zip").succeeded()
    glowplug("layer", "--archive", copy, "-o", "b.zip", cwd=tmp_path).succeeded()
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()


def test_the_tree_is_the_zip_unpacked(archive, tmp_path):
    done = glowplug("layer", "--archive", archive, "-o", tmp_path / "a.zip", "--dir", tmp_path / "opt", "--json")
    said = json.loads(done.silently().out)
    files = {str(path.relative_to(tmp_path / "opt")): path for path in (tmp_path / "opt").rglob("*") if path.is_file()}
    with zipfile.ZipFile(tmp_path / "a.zip") as zipped:
        entries = zipped.infolist()
        assert [entry.filename for entry in entries] == sorted(files) == [file["path"] for file in said["files"]]
        for entry in entries:
            file = files[entry.filename]
            assert entry.date_time == (1980, 1, 1, 0, 0, 0)
            assert entry.external_attr >> 16 == stat.S_IFREG | stat.S_IMODE(file.stat().st_mode)
            assert zipped.read(entry) == file.read_bytes()
    executable = {name for name, path in files.items() if os.access(path, os.X_OK)}
    assert executable == {"extensions/glowplug", "glowplug/exec"}
    assert said["zip_bytes"] == (tmp_path / "a.zip").stat().st_size


def test_function_and_layer_together_are_held_against_the_limit(archive, tmp_path):
    function = tmp_path / "function" / "deep"
    function.mkdir(parents=True)
    options = ("layer", "--archive", archive, "-o", tmp_path / "a.zip", "--function-dir", function.parent)
    assert "function" in glowplug(*options).silently().out
    with (function / "large").open("wb") as file:
        file.truncate(250 << 20)
    done = glowplug(*options)
    assert (done.status, len(done.lines)) == (1, 1)


def test_another_architecture_is_refused(tmp_path):
    machine = os.uname().machine
    other = {"x86_64": "arm64", "aarch64": "x86_64"}[machine]
    done = glowplug("layer", "--arch", other, "-o", tmp_path / "a.zip")
    assert (done.status, (tmp_path / "a.zip").exists()) == (1, False)


def test_programs_for_another_architecture_can_be_brought(tmp_path):
    glowplug("layer", "--dir", tmp_path / "opt").succeeded()
    programs = tmp_path / "programs"
    programs.mkdir()
    name, number = {"x86_64": ("arm64", 183), "aarch64": ("x86_64", 62)}[os.uname().machine]
    files = {
        "exec": "glowplug/exec",
        "extension": "extensions/glowplug",
        "_glowplug.abi3.so": "python/_glowplug.abi3.so",
    }
    for file, path in files.items():
        content = (tmp_path / "opt" / path).read_bytes()
        (programs / file).write_bytes(content[:18] + number.to_bytes(2, "little") + content[20:])
    options = ("layer", "--arch", name, "--programs", programs)
    glowplug(*options, "--dir", tmp_path / "other").silently()
    for file, path in files.items():
        assert (tmp_path / "other" / path).read_bytes() == (programs / file).read_bytes()
    shutil.copy2(tmp_path / "opt" / files["exec"], programs / "exec")
    done = glowplug(*options, "-o", tmp_path / "a.zip")
    assert (done.status, (tmp_path / "a.zip").exists()) == (1, False)
    assert "exec is no program for" in done.err


def test_what_is_no_archive_is_refused(archive, tmp_path):
    wrong = tmp_path / "a.glow"
    wrong.write_text("no")
    assert glowplug("layer", "--archive", wrong, "-o", tmp_path / "a.zip").status == 1
    wrong.write_bytes(archive.file.read_bytes())
    done = glowplug("layer", "--archive", wrong, "-o", tmp_path / "a.zip")
    assert "call it NAME.cpython-3" in done.err
    done = glowplug("layer", "--archive", archive, "--archive", archive, "-o", tmp_path / "a.zip")
    assert "same name" in done.err
    assert not (tmp_path / "a.zip").exists()
