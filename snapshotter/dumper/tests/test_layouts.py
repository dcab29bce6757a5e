"""Compares the layout tables with the C headers of every interpreter in `target/pythons.json`, and with this one."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from dumping import TARGET, fingerprint, load_dumper

MINOR = f"{sys.version_info[0]}.{sys.version_info[1]}"
COMPILER = shutil.which("cc") or shutil.which("gcc")
ASK = "import sysconfig as s; print(s.get_paths()['include'], s.get_config_var('MULTIARCH') or '-')"
# What is not in the headers for everybody.
INTERNAL = {"PyGC_Head": "pycore_gc.h"}


def interpreters():
    """The interpreters to compare with; this one where none are listed."""
    listed = TARGET / "pythons.json"
    if listed.is_file():
        pythons = json.loads(listed.read_text())["pythons"]
    else:
        pythons = [{"minor": MINOR, "label": MINOR, "executable": sys.executable}]
    return [pytest.param(p, id=p["label"]) for p in pythons]


def include_folders(executable, folder):
    """Folders for the compiler to look for an interpreter's headers in."""
    answer = subprocess.run([executable, "-I", "-c", ASK], capture_output=True, text=True, check=True).stdout
    include, multiarch = answer.rsplit(maxsplit=1)
    include = Path(include)
    if not (include / "Python.h").is_file():
        pytest.skip(f"no Python.h in {include}: the development package is not installed")
    # Debian's pyconfig.h includes <MULTIARCH/python3.x/pyconfig.h> from the folder above, where other headers lie that
    # must not be taken for this machine's.
    split = include.parent / multiarch / include.name
    if split.is_dir():
        (folder / "split" / multiarch).mkdir(parents=True)
        (folder / "split" / multiarch / include.name).symlink_to(split)
        return [include, folder / "split"]
    return [include]


def program(table, names):
    """A C program that prints what the headers say about the named structs, one line an entry."""
    lines = []
    for struct in names:
        for field in table[struct]:
            if struct == "PyASCIIObject.state":
                what = f"mask({field})"
            elif field == "size":
                what = f"sizeof({struct})"
            else:
                what = f"offsetof({struct}, {field})"
            lines.append(f'    printf("{struct} {field} %zu\\n", (size_t)({what}));')
    internal = [f"#include <internal/{INTERNAL[name]}>" for name in names if name in INTERNAL]
    return "\n".join(
        [
            *(["#define Py_BUILD_CORE 1"] if internal else []),
            "#include <Python.h>",
            "#include <stddef.h>",
            "#if PY_VERSION_HEX < 0x030b0000",
            "#include <longintrepr.h>",
            "#endif",
            *internal,
            "#define mask(field) ({ PyASCIIObject s = {0}; unsigned w; s.state.field = ~0; \\",
            '    _Static_assert(sizeof s.state == sizeof w, "state"); memcpy(&w, &s.state, sizeof w); w; })',
            "int main(void) {",
            *lines,
            "    return 0;",
            "}",
        ]
    )


def said_by_headers(table, names, includes, folder):
    """The entries of the named structs as the C compiler has them."""
    source, compiled = folder / "layouts.c", folder / "layouts"
    source.write_text(program(table, names))
    command = [COMPILER, "-w", "-o", compiled, source, *(f"-I{include}" for include in includes)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    said = {}
    for line in subprocess.run([compiled], capture_output=True, text=True, check=True).stdout.splitlines():
        struct, field, value = line.split(" ")
        said.setdefault(struct, {})[field] = int(value)
    return said


@pytest.mark.once
@pytest.mark.skipif(COMPILER is None, reason="no C compiler")
@pytest.mark.parametrize("python", interpreters())
def test_the_table_is_what_the_headers_say(python, tmp_path):
    table = load_dumper().layout_table(python["minor"])
    includes = include_folders(python["executable"], tmp_path)
    public = [name for name in table if name not in INTERNAL]
    assert said_by_headers(table, public, includes, tmp_path) == {name: table[name] for name in public}


@pytest.mark.once
@pytest.mark.skipif(COMPILER is None, reason="no C compiler")
@pytest.mark.parametrize("python", interpreters())
def test_the_garbage_collectors_head_is_what_the_headers_say(python, tmp_path):
    table = load_dumper().layout_table(python["minor"])
    includes = include_folders(python["executable"], tmp_path)
    if not (includes[0] / "internal" / "pycore_gc.h").is_file():
        pytest.skip(f"no internal headers in {includes[0]}")
    said = said_by_headers(table, list(INTERNAL), includes, tmp_path)
    assert said == {name: table[name] for name in INTERNAL}


def test_the_running_interpreter_passes_the_probe():
    dumper = load_dumper()
    dumper.Dumper(fingerprint(), "unchecked", 0)
    assert dumper.layout_table() == dumper.layout_table(MINOR)


def test_a_version_without_a_table_is_said_to_be_so():
    with pytest.raises(ValueError, match=r"no layout table for CPython 3\.9"):
        load_dumper().layout_table("3.9")


@pytest.mark.parametrize(
    ("owner", "name", "value", "message"),
    [
        (sys, "abiflags", "t", "this is a free-threaded build of CPython; no archive can be built for it"),
        (sys, "abiflags", "d", "this is a debug build of CPython; no archive can be built for it"),
        (sys, "gettotalrefcount", int, "this is a debug build of CPython; no archive can be built for it"),
        (sys.implementation, "name", "pypy", "this interpreter is pypy, not CPython; no archive can be built for it"),
    ],
)
def test_other_builds_are_refused_in_one_line(monkeypatch, owner, name, value, message):
    monkeypatch.setattr(owner, name, value, raising=False)
    with pytest.raises(RuntimeError) as refused:
        load_dumper().Dumper(fingerprint(), "unchecked", 0)
    assert str(refused.value) == message


def test_an_interpreter_that_differs_from_its_table_is_refused(monkeypatch):
    """The table cannot be made wrong from here, but what the probe compares a code object with can."""

    class Code(type):
        __basicsize__ = 88

    class Types:
        CodeType = Code("Code", (), {})

    monkeypatch.setitem(sys.modules, "types", Types)
    with pytest.raises(RuntimeError) as refused:
        load_dumper().Dumper(fingerprint(), "unchecked", 0)
    assert str(refused.value).startswith(f"this interpreter's code objects are not laid out as CPython {MINOR}'s: ")
    assert str(refused.value).endswith("; no archive can be built for it")
