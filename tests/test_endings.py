"""Errors, warnings, exit, and whatever else must not notice an archive."""

import json

import pytest
from processes import ANSWER, PYTHON, plain_and_served, python, served


@pytest.mark.parametrize(
    "program",
    [
        "import orchard.rotten",
        "import orchard.apples\norchard.apples.fail(3)",
        "from orchard import apples\napples.nothing",
        "from orchard.apples import nothing",
        "import orchard.nothing",
        "import orchard.apples.nothing",
        "import orchard.apples\ntry:\n    orchard.apples.fail()\nexcept KeyError:\n    import orchard.rotten",
        "import orchard.apples\norchard.apples.Apple()",
        "import orchard.apples\norchard.apples.Apple('a').sort = 1",
        "import orchard.constants\nlist(orchard.constants.value_of(1, 2, third='x')())",
        "import importlib\nimportlib.import_module('orchard.rotten')",
        "import re\nre.compile('(unclosed')",
        "import runpy\nrunpy.run_module('orchard.rotten')",
    ],
)
def test_a_traceback_is_the_plain_one_to_the_letter(program, stall, tmp_path):
    script = tmp_path / "script.py"
    script.write_text(program)
    done = plain_and_served(stall, script, PYTHONPATH=stall.root)
    assert "Traceback" in done.err
    assert "glowplug" not in done.err.lower()


def test_a_failed_import_leaves_nothing_and_fails_again(stall):
    program = """
import sys
for _ in range(3):
    try:
        import orchard.rotten
    except ZeroDivisionError as error:
        print(error, "orchard.rotten" in sys.modules)
"""
    plain_and_served(stall, "-c", program, cwd=stall.root)


def test_a_warning_names_the_importer_as_without_an_archive(stall, tmp_path):
    script = tmp_path / "importer.py"
    script.write_text(
        "import json\nimport orchard.noisy\nfrom importlib import import_module\nimport_module('orchard')\n"
    )
    done = plain_and_served(stall, "-W", "always", script, PYTHONPATH=stall.root)
    assert f"{script}:2: DeprecationWarning: orchard.noisy is deprecated" in done.err
    done = plain_and_served(stall, "-W", "error", script, PYTHONPATH=stall.root)
    assert done.status == 1


def test_the_garbage_collector_may_run_at_any_time(stall):
    program = "import gc; gc.set_threshold(1, 1, 1)\n" + ANSWER + "\ngc.collect(); print(gc.is_tracked(stall.handler))"
    plain_and_served(stall, "-c", program, cwd=stall.root)


def test_exit_is_orderly_with_archived_objects_everywhere(stall):
    program = """
import atexit, weakref, orchard.apples as a, orchard.constants as c
atexit.register(lambda: print(a.price(2)))
class Kept: pass
kept = Kept()
weakref.finalize(kept, print, "finalized")
cycle = [kept, a, c]; cycle.append(cycle)
"""
    plain_and_served(stall, "-c", program, cwd=stall.root)


def test_objects_of_the_program_are_finalized_at_exit_as_without_an_archive(stall):
    program = """
import orchard.apples
class Kept:
    def __del__(self):
        print("gone")
kept = Kept()
"""
    plain_and_served(stall, "-c", program, cwd=stall.root)


def test_any_string_of_an_archive_may_be_interned_by_the_program(stall):
    program = """
import sys, orchard.constants as c
class C: pass
texts = [v for v in c.everything() if isinstance(v, str)]
for text in texts:
    setattr(C, text, 1)
    setattr(C(), text, 1)
    print(sys.intern(text) == text, ascii(text)[:20])
"""
    plain_and_served(stall, "-c", program, cwd=stall.root)


def test_the_hash_seed_does_not_matter(stall):
    program = ANSWER + "; import orchard.constants as c; print([c.is_member(x) for x in (1, 2.5, 'three', b'four', 7)])"
    program += "; print(sorted(map(str, c.Outer.KINDS)), 'a' in c.Outer.KINDS)"
    outs = {served(stall, program, cwd=stall.root, PYTHONHASHSEED=seed) for seed in (0, 1, 4294967295, "random")}
    assert len(outs) == 1


def test_the_address_layout_does_not_matter(stall):
    """The preferred base is taken by another mapping: the heap goes elsewhere, and works."""
    base = stall.inspected["preferred_base"]
    program = f"""
import ctypes, sys
libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p] + [ctypes.c_long] * 5
assert libc.mmap({base}, 1 << 26, 0, 0x100022, -1, 0) == {base}
import glowplug
print(glowplug.activate({str(stall)!r}))
{ANSWER}
print(type(sys.modules["orchard.apples"].__loader__).__name__)
"""
    done = python("-c", program, cwd=stall.root, GLOWPLUG_STRICT=1).silently()
    plain = python("-c", ANSWER, cwd=stall.root).silently()
    assert done.out == f"True\n{plain.out}ArchiveLoader\n"


def test_a_closed_stderr_is_no_error(stall):
    program = "import subprocess, sys; sys.exit(subprocess.call([sys.executable, '-c', sys.argv[1]], close_fds=True))"
    done = python("-c", program, ANSWER, cwd=stall.root, archive=stall)
    assert done.succeeded().out
    shell = 'exec "$0" -c "$1" 2>&- </dev/null'
    import subprocess

    from processes import environment

    for archive in (stall.file, "/no/such/archive"):
        done = subprocess.run(["/bin/sh", "-c", shell, str(PYTHON), ANSWER], cwd=stall.root, capture_output=True,
                              env=environment(GLOWPLUG_ARCHIVE=archive), check=True)  # fmt: skip
        assert b"price" in done.stdout


def test_the_status_of_every_module_is_served_or_explained(stall):
    program = ANSWER + "\nimport json, _glowplug; print(json.dumps(_glowplug.status(), default=str))"
    status = json.loads(served(stall, program, cwd=stall.root).splitlines()[-1])
    assert status["rung"] == "code"
    assert status["fallbacks"] == []
    assert status["modules"] > 10
