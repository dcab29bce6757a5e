"""The environment variables, `glowplug.activate`, `glowplug.status`, and what the loader does beside serving code."""

# ruff: noqa: E501 (the programs that are run stand here as text)

import json
import re

import pytest
import snapshots
from processes import ANSWER, plain_and_served, python

STATUS = "import json, _glowplug; print(json.dumps(_glowplug.status(), default=str))"


def status(program, archive, **options):
    """`status()` at the end of a program."""
    done = python("-c", f"{program}\n{STATUS}", archive=archive, **options).silently()
    return json.loads(done.out.splitlines()[-1])


# Garbage collection.


@pytest.mark.parametrize("switch", [None, "off", "on", "0", "no"])
@pytest.mark.ends
def test_the_collectors_settings_are_the_programs_own_after_an_import(switch, stall):
    program = (
        "import gc; before = gc.isenabled(), gc.get_threshold()\n"
        "import stall\n"
        "print(before, gc.isenabled(), gc.get_threshold())\n"
        "gc.set_threshold(123, 4, 5); gc.disable()\n"
        "import orchard.late\n"
        "print(gc.isenabled(), gc.get_threshold())"
    )
    plain_and_served(stall, "-c", program, cwd=stall.root, GLOWPLUG_GC=switch)


def test_what_an_import_made_is_frozen(stall):
    def frozen(**options):
        return int(python("-c", "import gc, stall; print(gc.get_freeze_count())", cwd=stall.root, **options).out)

    # CPython 3.12 begins with some objects frozen.
    assert frozen(archive=stall) > frozen() + 100
    assert frozen(archive=stall, GLOWPLUG_GC="off") < frozen() + 100


def test_no_collection_runs_while_a_served_module_is_imported(standard_library):
    program = (
        "import gc\n"
        "runs = []\n"
        "gc.callbacks.append(lambda phase, info: runs.append(phase))\n"
        "import asyncio, unittest.mock, pydoc, xml.dom.minidom\n"
        "during = len(runs)\n"
        "gc.collect()\n"
        "print(during, len(runs) > during)"
    )
    assert python("-c", program).silently().out != "0 True\n"
    assert python("-c", program, archive=standard_library).silently().out == "0 True\n"
    assert python("-c", program, archive=standard_library, GLOWPLUG_GC="off").silently().out != "0 True\n"


GC_MODULES = {
    "disables": "import gc; gc.disable()",
    "enables": "import gc; gc.enable()",
    "sets": "import gc; gc.set_threshold(5000, 6, 7)",
    "sets_zero": "import gc; gc.set_threshold(0)",
    "collects": "import gc; FOUND = gc.collect() >= 0",
    "fails": "import gc; gc.set_threshold(400); raise ImportError('no')",
    "sets_and_restores": "import gc; old = gc.get_threshold(); gc.set_threshold(1); gc.set_threshold(*old)",
    "restores_later": "import gc; OLD = gc.get_threshold()\ndef restore(): gc.set_threshold(*OLD)",
    "multiplies": "import gc; first, *rest = gc.get_threshold(); gc.set_threshold(first * 10, *rest)",
    "freezes": "import gc; gc.freeze(); gc.unfreeze()",
}


@pytest.fixture(scope="module")
def gc_modules(tmp_path_factory, archives):
    """The archive of a function that imports them all, and leaves nothing of what they do to the next."""
    root = snapshots.copy_of("stall", tmp_path_factory.mktemp("gc-modules") / "function")
    for module, text in GC_MODULES.items():
        (root / f"{module}.py").write_text(f"{text}\n")
        with (root / "stall.py").open("a") as file:
            file.write(f"\ntry:\n    import {module}\nexcept ImportError:\n    pass\n")
            file.write("import gc\ngc.enable()\ngc.set_threshold(700, 10, 10)\n")
    return snapshots.snapshot(archives, "stall.handler", "--event", "empty", "--name", "gc-modules", root=root)


@pytest.mark.parametrize("module", GC_MODULES)
@pytest.mark.ends
def test_a_module_may_change_the_collectors_settings_while_it_is_imported(module, gc_modules):
    program = (
        "import gc\n"
        f"try:\n    import {module} as m\n"
        "except ImportError as error:\n    print(error)\n    m = None\n"
        "print(gc.isenabled(), gc.get_threshold())\n"
        "getattr(m, 'restore', int)()\n"
        "print(gc.isenabled(), gc.get_threshold())"
    )
    plain_and_served(gc_modules, "-c", program, cwd=gc_modules.root)


def test_the_collector_is_held_back_by_threads_at_once_and_let_go_by_the_last(standard_library):
    # Not asyncio, nor two that import it: a submodule's name is in its package a moment after others may see it as imported
    # (`_find_and_load_unlocked` of importlib), which asyncio does not bear, with plain Python neither.
    program = (
        "import gc, threading\n"
        "before = gc.get_threshold()\n"
        "names = ['tarfile', 'zipfile', 'pydoc', 'xml.dom.minidom', 'http.server', 'ssl', 'sqlite3', 'statistics']\n"
        "threads = [threading.Thread(target=__import__, args=(name,)) for name in names]\n"
        "[thread.start() for thread in threads]; [thread.join() for thread in threads]\n"
        "print(gc.get_threshold() == before, gc.isenabled())"
    )
    for _ in range(3):
        assert python("-c", program, archive=standard_library).silently().out == "True True\n"


# Regular expressions.

EXPRESSIONS = """
import orchard.apples, re, sys
for name, e in orchard.apples.EXPRESSIONS.items():
    print(name, e.pattern, e.flags, type(e.flags), e.groups, dict(e.groupindex), type(e.groupindex), repr(e), hash(e))
    print(list(e.groupindex), e == re.compile(e.pattern, e.flags), type(e))
a = orchard.apples
print([m.groupdict() if (m := a.TAG.match(t)) else None for t in ("Boskoop-12/a", "äpfel-1", "x", "B-1234", "ab-3/C")])
print(a.TAG.fullmatch("abc-1/b").span("class"), a.TAG.sub(r"\\g<size>", "abc-12"), a.TAG.match("abc-1").lastgroup)
print(a.RAW.findall(b"\\x00\\x80\\xff\\n"), a.WORDS.findall("the the cat sat sat"), a.WORDS.split("one one two"))
import copy, pickle
print(copy.deepcopy(a.TAG) is a.TAG, pickle.loads(pickle.dumps(a.TAG)) == a.TAG)
"""


def test_expressions_are_equal_in_every_attribute(stall):
    options = {"cwd": stall.root, "PYTHONHASHSEED": 0}
    served = plain_and_served(stall, "-c", EXPRESSIONS, **options)
    without = python("-c", EXPRESSIONS, archive=stall, GLOWPLUG_REGEX="off", **options).silently()
    assert served.out == without.out


def test_expressions_come_from_the_archive_unless_switched_off(stall):
    assert status(ANSWER, stall, cwd=stall.root)["regexes"] >= 3
    for value in ("off", "0", "no", "false", "OFF"):
        assert status(ANSWER, stall, cwd=stall.root, GLOWPLUG_REGEX=value)["regexes"] == 0


def test_every_expression_in_an_archive_equals_what_re_compiles(packages):
    program = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "import re, warnings; warnings.simplefilter('ignore')\n"
        "compiler = sys.modules['re._compiler' if sys.version_info >= (3, 11) else 'sre_compile']\n"
        "served, seen, wrong = compiler.compile, [], []\n"
        "original = served.__wrapped__\n"
        "class Spy:\n"
        "    def __call__(self, p, flags=0):\n"
        "        mine, plain = served(p, flags), original(p, flags)\n"
        "        seen.append(p)\n"
        "        facts = [(e.pattern, e.flags, e.groups, list(e.groupindex.items()), hash(e)) for e in (mine, plain)]\n"
        "        if mine != plain or facts[0] != facts[1]: wrong.append((p, flags, facts))\n"
        "        return mine\n"
        "compiler.compile = Spy()\n"
        "import pandas_function\n"
        "import _glowplug; print(wrong, len(seen) > 20, _glowplug.status()['regexes'] >= len(seen) - 5)"
    )
    archive = packages["pandas"]
    done = python("-c", program, packages.root, archive=archive).silently()
    assert done.out == "[] True True\n"


@pytest.mark.parametrize(
    "program",
    [
        "import re; re.compile('a(?P<x>b)', re.DEBUG)",
        "import re; print(re.compile(b'\\\\w+', re.LOCALE).flags)",
        "import re\nclass S(str): pass\ne = re.compile(S('(a)(?P<n>b)')); print(type(e.pattern), e.groupindex)",
        "import re; print(re.compile(re.compile('x', re.I)), re.compile('x', re.I) is re.compile('x', re.I))",
        "import re; re.compile('x', 'y')",
        "import re; re.compile(3)",
        "import re; re.compile('*')",
        "import re; re.compile('(?P<n>a)(?P<n>b)')",
        "import re; print(re.compile('x', flags=re.I | re.M), re.compile('x', True), re.compile('x', -1))",
        "import re, sys; c = sys.modules.get('re._compiler') or sys.modules['sre_compile']\n"
        "print(c.compile.__name__, c.compile('a').pattern, c.compile(p='b', flags=2).flags, c.isstring('x'))",
        "import warnings, re; warnings.simplefilter('always'); print(re.compile('[[a]').pattern)",
        "import re; re.purge(); print(re.template if hasattr(re, 'template') else None) if 0 else print(re.escape('a.b'))",
    ],
)
@pytest.mark.ends
def test_re_does_everything_else_as_without_an_archive(program, stall):
    plain_and_served(stall, "-c", "import orchard.apples\n" + program, cwd=stall.root)


# Compiled texts.

TEXTS = """
import dataclasses, inspect
import orchard.apples as a
def exactly(value):
    if isinstance(value, frozenset):
        return sorted(map(repr, value))
    return [exactly(item) for item in value] if isinstance(value, tuple) else value
def facts(function):
    c = function.__code__
    return [function.__name__, function.__qualname__, function.__module__, function.__defaults__, function.__kwdefaults__,
            function.__annotations__, c.co_code, exactly(c.co_consts), c.co_names, c.co_varnames, c.co_freevars, c.co_flags,
            c.co_filename, c.co_firstlineno, c.co_stacksize, list(c.co_lines()), function.__closure__ and
            [type(x.cell_contents).__name__ for x in function.__closure__], sorted(function.__globals__)[:5]]
for cls in (a.Apple, a.Crate, a.Point):
    for name, member in sorted(vars(cls).items()):
        if inspect.isfunction(member):
            print(cls.__name__, name, [f if "at 0x" not in str(f) else "..." for f in facts(member)])
    print(inspect.signature(cls), cls.__doc__, cls.__mro__, getattr(cls, "__match_args__", None))
x, y = a.Apple("Boskoop", 120.0, [3]), a.Apple("Idared")
print(x, y, x < y, x == a.Apple("Boskoop", 120.0), len({x, y, a.Apple("Idared")}), dataclasses.asdict(x), hash(y) == hash(y))
print(dataclasses.replace(y, grams=1), a.Crate([x, y, x]), a.Crate([x]) == a.Crate([x]), dataclasses.fields(a.Crate)[1].default)
p = a.Point(1)
print(p, p._asdict(), p._replace(y=3), a.Point._make([4, 5]), p == (1, 0), a.Point.__new__.__defaults__, p._fields)
for wrong in (lambda: setattr(x, "sort", 1), lambda: a.Apple(), lambda: a.Point(), lambda: x < 3, lambda: hash(a.Crate([]))):
    try:
        wrong()
    except Exception as error:
        print(type(error), error)
"""


def test_classes_made_of_texts_behave_and_look_alike(stall):
    served = plain_and_served(stall, "-c", TEXTS, cwd=stall.root)
    without = python("-c", TEXTS, cwd=stall.root, archive=stall, GLOWPLUG_TEXTS="off").silently()
    assert served.out == without.out


def test_texts_come_from_the_archive_unless_switched_off(stall):
    assert status(ANSWER, stall, cwd=stall.root)["texts"] >= 3
    for value in ("off", "0", "no", "false", "OFF"):
        assert status(ANSWER, stall, cwd=stall.root, GLOWPLUG_TEXTS=value)["texts"] == 0


def test_exec_eval_and_compile_in_a_module_do_everything_else_as_without_an_archive(stall_with):
    archive = stall_with(change=lambda root: (root / "orchard" / "late.py").write_text(LATE))
    program = "import orchard.late as late; print(late.hour()); late.more()"
    plain_and_served(archive, "-c", program, cwd=archive.root)
    program = "import orchard.late as late; print(late.hour())"
    assert status(program, archive, cwd=archive.root)["texts"] > 5


def test_a_module_that_compiles_texts_has_the_names_that_it_has_without_an_archive(stall):
    program = (
        "import collections, dataclasses, stall\nfor m in (collections, dataclasses, stall): print(sorted(vars(m)))"
    )
    plain_and_served(stall, "-c", program, cwd=stall.root)


LATE = '''"""Compiles texts in every way."""

from __future__ import annotations

SPACE = {"n": 3}
exec("def f(x: undefined = 1): return x + n", SPACE)
exec("made = [g for g in range(3)]")
exec(compile("lines = 1\\nraise KeyError(2)" if 0 else "compiled = __name__", "<made>", "exec"))
VALUE = eval("  n * 2", SPACE)
TUPLE = eval("(1, -0.0, 'x', frozenset)", {"__builtins__": {"frozenset": 5}})
CODE = compile("a + b", "<sum>", "eval")
SINGLE = compile("1 + 1", "<s>", "single")


class Body:
    exec("inner = 5")
    other = eval("inner + 1")


def local():
    y = 5
    exec("y = 6; z = 7")
    return y, eval("y + 1"), sorted(k for k in locals() if k in "yz")


def hour():
    return (made, compiled, VALUE, TUPLE, eval(CODE, {"a": 1, "b": 2}), SPACE["f"](4), SPACE["f"].__annotations__,
            Body.inner, Body.other, local(), CODE.co_filename, SINGLE.co_name, sorted(k for k in globals() if k[0] != "_" and k not in ("exec", "eval", "compile")))


def more():
    import traceback
    calls = [lambda: exec("1 +"), lambda: eval("x x"), lambda: exec("raise ValueError(1)"), lambda: exec(3), lambda: eval(),
             lambda: exec("a", 1), lambda: eval("nothing"), lambda: compile("x", "f", "bad"), lambda: exec(b"k = 1", {}),
             lambda: eval(b"1 + 1"), lambda: compile("x = 1", "f", "exec", dont_inherit=True).co_flags,
             lambda: compile("x: int = 1", "f", "exec", 0, True).co_flags, lambda: compile("'d'", "f", "exec", optimize=2).co_consts,
             lambda: exec("global q; q = 1") or q, lambda: eval("[x for x in (1, 2)]"), lambda: exec("w = 1", {}, {})]
    for call in calls:
        try:
            print(call())
        except Exception as error:
            print(type(error), error)
            traceback.print_exc()
    print(exec.__name__, eval.__name__, compile.__name__)


hour()
'''


# Modes and logs.


def test_mode_off_starts_the_plain_way_without_a_word(stall):
    program = f"{ANSWER}; import glowplug; print(glowplug.status())"
    done = python("-c", program, cwd=stall.root, archive=stall, GLOWPLUG_MODE="off", GLOWPLUG_STRICT=1).silently()
    assert "'rung': 'plain'" in done.out
    assert "GLOWPLUG_MODE" in done.out


@pytest.mark.parametrize("mode", ["auto", "code", ""])
def test_modes_auto_and_code_start_from_the_code_archive(mode, stall):
    assert status(ANSWER, stall, cwd=stall.root, GLOWPLUG_MODE=mode)["rung"] == "code"


def test_an_unknown_mode_is_named_and_taken_as_auto(stall):
    done = python("-c", f"{ANSWER}\n{STATUS}", cwd=stall.root, archive=stall, GLOWPLUG_MODE="fast").succeeded()
    (line,) = done.err.splitlines()
    assert re.match(r"glowplug: GLOWPLUG_MODE=fast is not one of auto, code and off", line)
    assert json.loads(done.out.splitlines()[-1])["rung"] == "code"


@pytest.mark.parametrize(("level", "lines"), [("off", 0), ("warn", 1), (None, 1), ("info", 1), ("debug", 1)])
def test_a_refused_archive_is_one_line_unless_the_log_is_off(level, lines, stall, tmp_path):
    missing = tmp_path / "missing.glow"
    done = python("-c", ANSWER, cwd=stall.root, archive=missing, GLOWPLUG_LOG=level).succeeded()
    assert len(done.lines) == len(done.err.splitlines()) == lines


def test_a_refused_archive_is_an_error_even_where_the_log_is_off(stall, tmp_path):
    options = {"GLOWPLUG_LOG": "off", "GLOWPLUG_STRICT": 1}
    done = python("-c", ANSWER, cwd=stall.root, archive=tmp_path / "missing.glow", **options)
    assert (done.status, done.out) == (1, "")


def test_the_log_says_more_when_asked(stall):
    def log(level):
        return python("-c", ANSWER, cwd=stall.root, archive=stall, GLOWPLUG_LOG=level).succeeded().lines

    assert log("warn") == log("off") == []
    (line,) = log("info")
    assert str(stall.file) in line
    assert re.search(r"is active: \d+ modules", line)
    debug = log("debug")
    assert line in debug
    assert any("orchard.apples" in line for line in debug)


@pytest.mark.parametrize("value", ["1", "on", "yes", "true"])
def test_strict_makes_a_refused_archive_an_error(value, stall, tmp_path):
    done = python("-c", ANSWER, cwd=stall.root, archive=tmp_path / "missing.glow", GLOWPLUG_STRICT=value)
    assert (done.status, done.out) == (1, "")
    (line,) = done.err.splitlines()
    assert line.startswith("glowplug: ")


@pytest.mark.parametrize("value", ["0", "off", ""])
def test_strict_can_be_switched_off(value, stall, tmp_path):
    python("-c", ANSWER, cwd=stall.root, archive=tmp_path / "missing.glow", GLOWPLUG_STRICT=value).succeeded()


# activate() and status().


def test_an_archive_can_be_activated_by_the_program(stall):
    program = (
        "import pathlib, glowplug\n"
        "print(glowplug.status()['rung'], glowplug.status()['reason'])\n"
        f"print(glowplug.activate({{}}({str(stall)!r})))\n"
        "import stall; print(type(stall.__loader__).__name__, glowplug.status()['rung'])"
    )
    for kind in ("str", "pathlib.Path"):
        done = python("-c", program.format(kind), cwd=stall.root).silently()
        assert done.out == "plain no archive was asked for\nTrue\nArchiveLoader code\n"


def test_a_folder_can_be_activated(stall, tmp_path):
    (tmp_path / stall.file.name).symlink_to(stall.file)
    program = (
        f"import glowplug; print(glowplug.activate({str(tmp_path)!r})); import stall; print(type(stall.__loader__))"
    )
    done = python("-c", program, cwd=stall.root).silently()
    assert done.out == "True\n<class 'glowplug.ArchiveLoader'>\n"


def test_the_environment_may_name_a_folder(stall, tmp_path):
    (tmp_path / stall.file.name).symlink_to(stall.file)
    assert status(ANSWER, None, cwd=stall.root, GLOWPLUG_ARCHIVE_DIR=tmp_path)["rung"] == "code"


def test_of_several_fitting_archives_in_a_folder_one_is_taken_and_named(stall, tmp_path):
    for name in ("a", "b"):
        (tmp_path / stall.file.name.replace("stall", name, 1)).symlink_to(stall.file)
    done = python("-c", f"{ANSWER}\n{STATUS}", cwd=stall.root, GLOWPLUG_ARCHIVE_DIR=tmp_path).succeeded()
    (line,) = done.err.splitlines()
    assert "several archives fit" in line
    assert json.loads(done.out.splitlines()[-1])["archive"].startswith(f"{tmp_path}/a.")


def test_a_second_archive_is_refused(stall):
    program = (
        f"import glowplug; print(glowplug.activate({str(stall)!r}))\n"
        "try:\n    print(glowplug.activate('/another.glow'))\n"
        "except ImportError as error:\n    print(error)\n"
        "print(glowplug.status()['rung'])"
    )
    done = python("-c", program).succeeded()
    assert done.out == "True\nFalse\ncode\n"
    (line,) = done.err.splitlines()
    assert "is active already" in line
    strict = python("-c", program, GLOWPLUG_STRICT=1).silently()
    assert "is active already" in strict.out.splitlines()[1]


def test_activating_a_bad_archive_says_why_in_the_status(tmp_path):
    program = (
        f"import glowplug; print(glowplug.activate({str(tmp_path / 'missing.glow')!r}))\n"
        "s = glowplug.status(); print(s['rung'], s['archive'], s['modules'], s['fallbacks'], '|', s['reason'])"
    )
    done = python("-c", program).succeeded()
    lines = done.out.splitlines()
    assert lines[0] == "False"
    assert lines[1].startswith("plain None 0 [] | ")
    assert "missing.glow" in lines[1]
    strict = python("-c", program, GLOWPLUG_STRICT=1)
    assert strict.status == 1
    assert "ImportError: glowplug: " in strict.err


def test_activate_without_an_archive_says_how_to_give_one():
    done = python("-c", "import glowplug; print(glowplug.activate())").succeeded()
    assert done.out == "False\n"
    assert "GLOWPLUG_ARCHIVE" in done.err


def test_the_status_tells_everything(stall):
    found = status(ANSWER, stall, cwd=stall.root)
    assert found["archive"] == str(stall.file)
    assert found["validation"] == "unchecked"
    assert found["modules_in_archive"] == len(stall.modules) + len(stall.manifest["extensions"])
    assert 10 < found["modules"] <= len(stall.modules)
    assert found["fallbacks"] == []
    assert found["reason"] is None


def test_modules_imported_before_activation_stay_as_they_are(stall):
    program = (
        "import orchard.apples, glowplug; first = orchard.apples\n"
        f"glowplug.activate({str(stall)!r})\n"
        "import orchard.apples, orchard.pears, stall\n"
        "print(first is orchard.apples, type(first.__loader__).__name__, type(orchard.pears.__loader__).__name__)"
    )
    done = python("-c", program, cwd=stall.root, GLOWPLUG_STRICT=1).silently()
    assert done.out == "True SourceFileLoader ArchiveLoader\n"


def test_a_fork_after_activation_keeps_the_status(stall):
    program = (
        "import os, stall, _glowplug\n"
        "if os.fork() == 0:\n    print(_glowplug.status()['rung'], flush=True); os._exit(0)\n"
        "os.wait()"
    )
    assert python("-c", program, cwd=stall.root, archive=stall).silently().out == "code\n"
