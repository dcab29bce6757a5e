"""Whatever is wrong with an archive: one clear line, the plain import, the right answer."""

import ctypes
import json
import os
import stat
import sys
from pathlib import Path

import pytest
from glow_file import FIELDS, PAGE, GlowFile
from processes import glowplug, python
from snapshots import snapshot

PROGRAM = "import stall; print(stall.handler({}, None))"

SECTIONS = ("names", "roots", "modules", "ranges", "heap", "compiled", "regexes", "sources", "manifest")
# A flipped bit in these is seen when the archive is opened; the others are checked piece by piece.
CHECKED_AT_OPEN = ("names", "roots", "modules", "ranges", "compiled")

PR_CAPBSET_DROP = 24
CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH = 1, 2


@pytest.fixture(scope="module")
def answer(stall):
    """What the program prints."""
    return python("-c", PROGRAM, cwd=stall.root).silently().out


@pytest.fixture
def glow(stall):
    """The sound archive's bytes."""
    return GlowFile(stall.file)


@pytest.fixture
def falls_back(stall, answer):
    """Makes sure that a start with `archive` says one line with `words` in it, and works."""

    def check(archive, *words, program=PROGRAM, answer=answer, root=stall.root, **options):
        options = {"cwd": root, "archive": archive, **options}
        done = python("-c", program, **options).succeeded()
        assert done.out == answer
        (line,) = done.err.splitlines()
        assert line.startswith("glowplug: ")
        for word in (str(archive), *words):
            assert word in line
        strict = python("-c", program, GLOWPLUG_STRICT=1, **options)
        assert strict.status != 0
        assert strict.out == ""
        assert "glowplug: " in strict.err
        assert "GLOWPLUG_STRICT" in strict.err
        for word in words:
            assert word in strict.err

    return check


@pytest.fixture
def damaged(tmp_path):
    """Where a changed archive goes."""
    return tmp_path / "damaged.glow"


# The file as a whole.


@pytest.mark.once
def test_an_archive_truncated_at_any_section_boundary_falls_back_to_plain_import(stall, answer, damaged):
    glow = GlowFile(stall.file)
    ends = {0, 1, PAGE - 1, PAGE}
    for section in glow.sections.values():
        ends |= {section.offset, section.offset + section.length // 2, section.offset + section.length - 1}
    whole = len(glow.bytes)
    for end in sorted(ends - {whole}):
        damaged.write_bytes(glow.bytes[:end])
        done = python("-c", PROGRAM, cwd=stall.root, archive=damaged).succeeded()
        assert done.out == answer, end
        (line,) = done.err.splitlines()
        assert line.startswith(f"glowplug: {damaged}: truncated"), end
        assert f"the file has {end}" in line


def test_a_truncated_archive_is_an_error_where_fallbacks_are_not_allowed(falls_back, glow, damaged):
    damaged.write_bytes(glow.bytes[: len(glow.bytes) // 2])
    falls_back(damaged, "truncated")


def test_an_extended_archive_falls_back_to_plain_import(falls_back, glow, damaged):
    damaged.write_bytes(glow.bytes + b"\0")
    falls_back(damaged, "truncated or extended")


def test_an_empty_file_falls_back_to_plain_import(falls_back, damaged):
    damaged.write_bytes(b"")
    falls_back(damaged, "the file has 0")


def test_a_text_file_falls_back_to_plain_import(falls_back, damaged):
    damaged.write_text("not an archive\n" * 1000)
    falls_back(damaged, "wrong magic")


def test_a_directory_falls_back_to_plain_import(falls_back, tmp_path):
    falls_back(tmp_path, "not a regular file")


def test_a_device_falls_back_to_plain_import(falls_back):
    falls_back("/dev/null", "not a regular file")


def test_a_missing_file_falls_back_to_plain_import(falls_back, damaged):
    falls_back(damaged, "No such file")


def test_a_relative_path_that_leads_nowhere_falls_back_to_plain_import(falls_back):
    falls_back("nowhere/at-all.glow", "No such file")


def without_privileges():
    """Takes away what lets root read any file; called between fork and exec."""
    libc = ctypes.CDLL(None)
    for capability in (CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH):
        libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)


def test_an_unreadable_file_falls_back_to_plain_import(falls_back, glow, damaged):
    glow.write(damaged).chmod(0)
    before_exec = without_privileges if os.geteuid() == 0 else None
    falls_back(damaged, "Permission denied", before_exec=before_exec)


def test_a_folder_without_a_fitting_archive_falls_back_to_plain_import(falls_back, tmp_path, stall):
    (tmp_path / "other.cpython-399-x86_64-linux-gnu.0123456789abcdef.glow").touch()
    done = python("-c", PROGRAM, cwd=stall.root, GLOWPLUG_ARCHIVE_DIR=tmp_path).succeeded()
    (line,) = done.err.splitlines()
    assert line.startswith(f"glowplug: {tmp_path}: none of 1 archives is for this interpreter")


# The header.


@pytest.mark.once
@pytest.mark.parametrize("field", FIELDS)
def test_a_flipped_bit_in_the_header_falls_back_to_plain_import(field, falls_back, glow, damaged):
    words = {"magic": "wrong magic", "major": "version"}
    glow.flip(FIELDS[field][0], bit=4).write(damaged)
    falls_back(damaged, words.get(field, "header"))


@pytest.mark.once
def test_a_flipped_bit_in_the_section_table_falls_back_to_plain_import(falls_back, glow, damaged):
    falls_back(glow.flip(PAGE // 2).write(damaged), "header")


def test_another_format_version_is_refused(falls_back, glow, damaged):
    glow.set("major", glow.get("major") + 1).seal().write(damaged)
    falls_back(damaged, "format version 3 is not supported")


def test_a_newer_minor_version_and_an_unknown_section_are_accepted(stall, answer, glow, damaged):
    count, end = glow.get("section_count"), -(-len(glow.bytes) // PAGE) * PAGE
    glow.bytes += bytes(end - len(glow.bytes)) + b"of another kind."
    glow.set("minor", 99).set("section_count", count + 1).set("file_size", len(glow.bytes))
    glow.set_section(count, kind=4242, offset=end, length=16).seal().write(damaged)
    assert python("-c", PROGRAM, cwd=stall.root, archive=damaged, GLOWPLUG_STRICT=1).silently().out == answer


def test_another_architecture_is_refused(falls_back, glow, damaged):
    other = {62: (183, "aarch64"), 183: (62, "x86_64")}
    machine, name = other[glow.get("machine")]
    glow.set("machine", machine).seal().write(damaged)
    falls_back(damaged, "built for another interpreter", f"machine {name}, running on")


def test_another_page_size_is_refused(falls_back, glow, damaged):
    glow.set("page_size", 65536).seal().write(damaged)
    falls_back(damaged, "page size 65536")


def test_another_patch_release_is_refused(falls_back, glow, damaged):
    glow.set("python_version", glow.get("python_version") + 0x100).seal().write(damaged)
    falls_back(damaged, "built for another interpreter: CPython", f"running {sys.version.split()[0].rstrip('+')}")


def test_another_build_of_the_interpreter_is_refused(falls_back, glow, damaged):
    glow.set("interpreter", bytes(len(glow.get("interpreter")))).seal().write(damaged)
    falls_back(damaged, "interpreter build 0000")


def test_another_c_library_is_refused(falls_back, glow, damaged):
    glow.set("libc", bytes(len(glow.get("libc")))).seal().write(damaged)
    falls_back(damaged, "C library build 0000")


def test_a_free_threaded_interpreters_archive_is_refused(falls_back, glow, damaged):
    glow.set("flags", 1).seal().write(damaged)
    falls_back(damaged, "another build flavour")


def test_a_fingerprint_that_is_not_that_of_its_fields_is_refused(falls_back, glow, damaged):
    glow.set("fingerprint", 1).seal_checksum().write(damaged)
    falls_back(damaged, "fingerprint in the header")


def test_another_pythons_archive_is_refused(falls_back, tmp_path):
    pythons = json.loads((Path(sys.prefix).parents[1] / "pythons.json").read_text())["pythons"]
    minor = "{}.{}".format(*sys.version_info)
    others = [python["executable"] for python in pythons if python["minor"] != minor]
    if not others:
        pytest.skip("there is only one Python")
    other = snapshot(tmp_path, "--import", "colorsys", executable=others[0])
    falls_back(other.file, "built for another interpreter: CPython")


@pytest.mark.once
@pytest.mark.parametrize(
    ("section", "changes"),
    [
        ("heap", {"offset": 1 << 40}),
        ("heap", {"length": 1 << 40}),
        ("modules", {"offset": PAGE + 8}),
        ("modules", {"length": 79}),
        ("names", {"kind": 77}),
        ("ranges", {"length": 0, "checksum": 0x2D06800538D394C2}),
        ("heap", {"length": 0}),
    ],
)
def test_a_section_table_that_cannot_be_is_refused(section, changes, falls_back, glow, damaged):
    number = list(glow.sections).index(section)
    glow.set_section(number, **changes).seal_checksum().write(damaged)
    falls_back(damaged)


# The sections.


@pytest.mark.once
@pytest.mark.parametrize("section", CHECKED_AT_OPEN)
@pytest.mark.parametrize("where", [0.0, 0.5, 1.0])
def test_a_flipped_bit_in_the_index_falls_back_to_plain_import(section, where, falls_back, glow, damaged):
    place = glow.sections[section]
    glow.flip(place.offset + int((place.length - 1) * where), bit=3).write(damaged)
    falls_back(damaged, f"checksum mismatch in the {section} section")


@pytest.mark.once
@pytest.mark.parametrize("section", SECTIONS)
def test_verify_finds_a_flipped_bit_in_any_section(section, glow, damaged):
    place = glow.sections[section]
    glow.flip(place.offset + place.length // 3, bit=6).write(damaged)
    done = glowplug("verify", damaged)
    assert done.status == 1
    assert section in done.out


STATUS = """
import json, stall, sys, _glowplug
sys.stderr.flush()
served = [n for n, m in sys.modules.items() if type(getattr(m, "__loader__", None)).__name__ == "ArchiveLoader"]
print(json.dumps({"answer": stall.handler({}, None), "served": served, "status": _glowplug.status()}, default=str))
"""


def started(root, archive, **options):
    """A start with the status at its end, and what was on stderr."""
    done = python("-c", STATUS, cwd=root, archive=archive, **options).succeeded()
    return json.loads(done.out), done.err.splitlines()


@pytest.mark.parametrize("part", ["heap", "relocations"])
@pytest.mark.parametrize("where", [0.0, 0.3, 1.0])
def test_a_module_with_damaged_objects_falls_back_alone(  # noqa: PLR0917
    part, where, stall, glow, damaged, falls_back
):
    offset, length = glow.module("orchard.apples")[part]
    glow.flip(offset + int((length - 1) * where), bit=5).write(damaged)
    falls_back(damaged, "orchard.apples", "checksum mismatch")
    found, (_,) = started(stall.root, damaged)
    assert [module for module, _ in found["status"]["fallbacks"]] == ["orchard.apples"]
    assert {"orchard", "orchard.pears", "walnut", "dataclasses"} <= set(found["served"])
    assert found["answer"]["price"] == 5.0


def test_the_last_part_of_the_objects_may_be_damaged_without_harm_to_the_rest(stall, glow, damaged, answer):
    place = glow.sections["heap"]
    glow.flip(place.offset + place.length - 1).write(damaged)
    done = python("-c", PROGRAM, cwd=stall.root, archive=damaged).succeeded()
    assert done.out == answer
    assert len(done.err.splitlines()) <= 1


def test_damaged_strings_make_their_users_fall_back_with_one_line(stall, glow, damaged, falls_back):
    chunks = glow.pool_chunks()
    assert chunks
    offset, length = chunks[0]
    glow.flip(offset + length // 2, bit=1).write(damaged)
    falls_back(damaged, "checksum mismatch")
    found, _ = started(stall.root, damaged)
    assert found["status"]["fallbacks"]
    _, lines = started(stall.root, damaged, GLOWPLUG_LOG="debug")
    assert len([line for line in lines if "done the plain way" in line]) == len(found["status"]["fallbacks"])


def test_damaged_expressions_are_compiled_the_plain_way(stall, glow, damaged, answer):
    for offset, length in glow.regexes():
        glow.flip(offset + length - 1)
    glow.write(damaged)
    done = python("-c", PROGRAM, cwd=stall.root, archive=damaged).succeeded()
    assert done.out == answer
    (line,) = done.err.splitlines()
    assert line.startswith("glowplug: ")
    assert str(damaged) in line
    assert "expression" in line
    strict = python("-c", PROGRAM, cwd=stall.root, archive=damaged, GLOWPLUG_STRICT=1)
    assert strict.status != 0


def test_a_damaged_table_of_expressions_is_compiled_the_plain_way(stall, glow, damaged, answer):
    section = glow.sections["regexes"]
    glow.bytes[section.offset : section.offset + 4] = b"\xff\xff\xff\xff"
    glow.write(damaged)
    done = python("-c", PROGRAM, cwd=stall.root, archive=damaged).succeeded()
    assert done.out == answer
    assert len(done.lines) == len(done.err.splitlines()) == 1


def test_a_damaged_source_costs_the_tracebacks_lines_only(stall_with, damaged):
    archive = stall_with("--validate", "unchecked")
    glow = GlowFile(archive.file)
    offset, length = glow.module("orchard.apples")["sources"]
    glow.flip(offset + length // 2).write(damaged)
    (archive.root / "orchard" / "apples.py").unlink()
    program = (
        "from orchard import apples; import traceback; print(apples.price(4))\n"
        "try:\n    apples.fail()\nexcept KeyError:\n    traceback.print_exc()"
    )
    done = python("-c", program, cwd=archive.root, archive=damaged).succeeded()
    assert done.out == "10.0\n"
    assert "KeyError: 'no such apple'" in done.err
    assert "this line" not in done.err
    (line,) = done.lines
    assert "orchard.apples" in line


def test_a_damaged_manifest_does_not_matter_to_a_start(stall, glow, damaged, answer):
    section = glow.sections["manifest"]
    glow.flip(section.offset + section.length // 2).write(damaged)
    assert python("-c", PROGRAM, cwd=stall.root, archive=damaged).silently().out == answer


# Sources that have changed.


def edit(file, old, new, keep_stat=False):
    """Changes a source file, its size and time included or (`keep_stat`) not."""
    before = file.stat()
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new), encoding="utf-8")
    if keep_stat:
        os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    else:
        os.utime(file, (before.st_atime, before.st_mtime + 10))


@pytest.mark.parametrize("validation", ["checked-stat", "checked-hash"])
def test_a_changed_source_is_imported_the_plain_way(validation, stall_with, falls_back):
    archive = stall_with("--validate", validation)
    answer = python("-c", PROGRAM, cwd=archive.root, archive=archive, GLOWPLUG_STRICT=1).silently().out
    edit(archive.root / "orchard" / "apples.py", "per_kilo=2.5", "per_kilo=10")
    answer = answer.replace("'price': 5.0", "'price': 20")
    falls_back(archive.file, "orchard.apples", "was changed after the snapshot", answer=answer, root=archive.root)
    found, (_,) = started(archive.root, archive.file)
    assert [module for module, _ in found["status"]["fallbacks"]] == ["orchard.apples"]
    assert "orchard" in found["served"]


@pytest.mark.parametrize("validation", ["checked-stat", "checked-hash"])
def test_many_changed_sources_give_one_line_and_all_stand_in_the_status(validation, stall_with):
    archive = stall_with("--validate", validation)
    changed = ["orchard.apples", "orchard.pears.conference", "orchard.constants"]
    for name in changed:
        with (archive.root / (name.replace(".", "/") + ".py")).open("a") as file:
            file.write("# more\n")
    found, (_,) = started(archive.root, archive.file)
    assert sorted(module for module, _ in found["status"]["fallbacks"]) == sorted(changed)


def test_checked_stat_sees_another_time_and_checked_hash_does_not(stall_with):
    for validation, fallbacks in (("checked-stat", 1), ("checked-hash", 0)):
        archive = stall_with("--validate", validation, folder=validation)
        os.utime(archive.root / "orchard" / "apples.py", (1, 1))
        found, _ = started(archive.root, archive.file)
        assert len(found["status"]["fallbacks"]) == fallbacks


def test_checked_hash_sees_a_change_of_equal_size_and_time_and_checked_stat_does_not(stall_with):
    for validation, price in (("checked-stat", 5.0), ("checked-hash", 7.0)):
        archive = stall_with("--validate", validation, folder=validation)
        file = archive.root / "orchard" / "apples.py"
        edit(file, "per_kilo=2.5", "per_kilo=3.5", keep_stat=True)
        # The .pyc is judged by time and size too, so plain Python would not see the change either.
        for cached in file.parent.glob("__pycache__/apples.*"):
            cached.unlink()
        found, _ = started(archive.root, archive.file)
        assert found["answer"]["price"] == price


def test_an_unchecked_archive_serves_what_was_snapshotted(stall_with):
    archive = stall_with("--validate", "unchecked")
    edit(archive.root / "orchard" / "apples.py", "per_kilo=2.5", "per_kilo=10")
    found, lines = started(archive.root, archive.file, GLOWPLUG_STRICT=1)
    assert found["answer"]["price"] == 5.0
    assert lines == []


@pytest.mark.parametrize("validation", ["checked-stat", "checked-hash"])
def test_a_removed_source_of_a_checked_archive_is_missed(validation, stall_with):
    archive = stall_with("--validate", validation)
    (archive.root / "orchard" / "late.py").unlink()
    for cached in archive.root.glob("orchard/__pycache__/late.*"):
        cached.unlink()
    plain = python("-c", PROGRAM, cwd=archive.root)
    done = python("-c", PROGRAM, cwd=archive.root, archive=archive)
    assert done.status == plain.status == 1
    assert done.err.splitlines()[-1] == plain.err.splitlines()[-1]
    (line,) = done.lines
    assert "orchard.late" in line


def test_an_archive_may_lie_on_a_read_only_place(stall, answer, tmp_path, glow):
    file = glow.write(tmp_path / "read-only.glow")
    file.chmod(stat.S_IRUSR)
    before_exec = without_privileges if os.geteuid() == 0 else None
    done = python("-c", PROGRAM, cwd=stall.root, archive=file, GLOWPLUG_STRICT=1, before_exec=before_exec)
    assert done.silently().out == answer


def test_an_archive_may_be_removed_while_it_is_in_use(stall, glow, tmp_path, answer):
    file = glow.write(tmp_path / "live.glow")
    program = f"import os; os.unlink({str(file)!r}); {PROGRAM}"
    assert python("-c", program, cwd=stall.root, archive=file, GLOWPLUG_STRICT=1).silently().out == answer
