"""Dumps code, brings it to life in the same process, and compares it with what went in."""

import marshal
import os
import struct
import subprocess
import sys
import sysconfig
import textwrap
from pathlib import Path

import pytest
from comparing import differences
from dumping import add, finish, fresh, new_dumper
from relocating import Archive

HERE = Path(__file__).parent
CONSTANTS = {
    "singletons": "(None, True, False, ..., (), '', b'', -5, 0, 256)",
    "ints": "(257, -6, 2**30 - 1, 2**30, -2**30, 2**60, -2**200, 10**500, 2**62 + 1)",
    "floats": "(0.0, -0.0, 1.5, 1e308, float_inf, 5e-324)".replace("float_inf", "1e999"),
    "complex numbers": "(1j, -0j, 1.5j, 1e999j)",
    "bytes": "(b'x', b'xyz', b'\\x00\\xff' * 50, b'a' * 1000)",
    "ascii strings": "('x', 'name', 'not a name', 'a\\x00b', 'z' * 5000)",
    "latin-1 strings": "('\\xe9', '\\xe9t\\xe9', 'caf\\xe9 au lait')",
    "two-byte strings": "('\\u20ac', '\\u4f60\\u597d', '\\u0151' * 100, '\\ud800 alone')",
    "four-byte strings": "('\\U0001f50c', 'a\\U0001f50cb')",
    "tuples": "((1, (2.5, ('a b', b'c'))), ((((((1.25,),),),),),))",
    "names of other scripts": "(h\u00e9llo.w\u00f6rld.\u4f60\u597d,)",
}


def round_trip(tmp_path, source, filename="/root/module.py"):
    """A code object and its copy out of an archive."""
    code = fresh(source, filename)
    dumper = new_dumper()
    assert add(dumper, "module", code) > 0
    assert finish(dumper, tmp_path / "test.glow") == (tmp_path / "test.glow").stat().st_size
    return code, Archive(tmp_path / "test.glow").module("module", code.co_filename)


@pytest.mark.parametrize("source", CONSTANTS.values(), ids=CONSTANTS)
def test_constants_come_back_as_they_were(tmp_path, source):
    assert differences(*round_trip(tmp_path, f"def f(): return {source}")) == []


def test_functions_of_every_kind_come_back_and_run(tmp_path):
    source = textwrap.dedent(
        """
        import functools
        def closure(argument, /, other=2, *rest, keyword=(1, 'x y'), **options):
            cell = argument
            def inner(argument=argument):
                nonlocal cell
                cell += other
                return cell, argument, keyword, rest, options
            return inner
        class Class:
            '''Documented.'''
            attribute: int = 2 ** 40
            def method(self): return __class__, super().__repr__
            @functools.lru_cache(None)
            def cached(self, x): return x in {1, 2.5, 'three', b'4', (5, 6)}
        async def coroutine():
            async with a as b: await b
            async for c in d: yield c
        def generator():
            try: yield from (i * i for i in range(4))
            finally: done.append(1)
        def handler():
            try: 1 / 0
            except* ZeroDivisionError as e: count = len(e.exceptions)
            return count
        done = []
        result = closure(1, 5, 6, z=7)(), Class().cached((5, 6)), Class().cached(7), list(generator()), done
        """
    )
    if sys.version_info < (3, 11):
        source = source.replace("except*", "except").replace("len(e.exceptions)", "1")
    code, copy = round_trip(tmp_path, source)
    assert differences(code, copy) == []
    plain, relocated = {}, {}
    exec(code, plain)
    exec(copy, relocated)
    assert (
        relocated["result"] == plain["result"] == ((6, 1, (1, "x y"), (6,), {"z": 7}), True, False, [0, 1, 4, 9], [1])
    )
    assert relocated["handler"]() == 1


def test_parts_that_were_shared_are_shared(tmp_path):
    source = "def f(): return (1.5, 'two words', (3.5, b'xy'))\ndef g(): return (1.5, 'two words', (3.5, b'xy'))"
    assert differences(*round_trip(tmp_path, source)) == []


def test_not_a_number_and_negative_zero_keep_their_bits(tmp_path):
    code = fresh("def f(): return 1.0, 0.0, 2j")
    inner = code.co_consts[0].replace(co_consts=(None, (float("nan"), -0.0, complex(-0.0, float("nan")))))
    code = marshal.loads(marshal.dumps(code.replace(co_consts=(inner, *code.co_consts[1:]))))
    dumper = new_dumper()
    add(dumper, "module", code)
    finish(dumper, tmp_path / "test.glow")
    copy = Archive(tmp_path / "test.glow").module("module", code.co_filename)
    nan, zero, both = copy.co_consts[0].co_consts[1]
    assert struct.pack("2d", nan, zero) == struct.pack("2d", float("nan"), -0.0)
    assert struct.pack("2d", both.real, both.imag) == struct.pack("2d", -0.0, float("nan"))


def test_frozen_sets_stay_real_even_empty_and_nested(tmp_path):
    inner = frozenset((1.5, "two words"))
    sets = (inner, frozenset(), frozenset((inner, frozenset((b"x",)), "name")), frozenset(range(1000)))
    code = marshal.loads(marshal.dumps(fresh("x = 1").replace(co_consts=(1, None, sets))))
    dumper = new_dumper()
    add(dumper, "module", code)
    finish(dumper, tmp_path / "test.glow")
    copy = Archive(tmp_path / "test.glow").module("module", code.co_filename)
    assert copy.co_consts == code.co_consts
    assert all(type(s) is frozenset for s in copy.co_consts[2])
    inner, empty, outer, _ = copy.co_consts[2]
    assert empty == frozenset() and inner in outer


@pytest.mark.skipif(sys.version_info < (3, 14), reason="slices are constants from 3.14 on")
def test_slices_come_back(tmp_path):
    code, copy = round_trip(tmp_path, "def f(x): return x[1:20000:None], x[:'two words']")
    assert any(type(c) is slice for c in code.co_consts[0].co_consts)
    assert differences(code, copy) == []


def test_the_file_name_is_the_loaders_but_another_one_stays(tmp_path):
    code = fresh("def f(): pass\ndef g(): pass")
    g = code.co_consts[2 if sys.version_info < (3, 11) else 1].replace(co_filename="<elsewhere>")
    code = code.replace(co_consts=tuple(g if getattr(c, "co_name", "") == "g" else c for c in code.co_consts))
    dumper = new_dumper()
    add(dumper, "module", marshal.loads(marshal.dumps(code)))
    finish(dumper, tmp_path / "test.glow")
    copy = Archive(tmp_path / "test.glow").module("module", "/moved/module.py")
    inner = {c.co_name: c.co_filename for c in copy.co_consts if hasattr(c, "co_name")}
    assert (copy.co_filename, inner) == ("/moved/module.py", {"f": "/moved/module.py", "g": "<elsewhere>"})


def test_a_constant_that_cannot_be_stored_leaves_only_its_module_out(tmp_path):
    dumper = new_dumper()
    code = fresh("def outer():\n def f(): return 1.5, 2.5\n")

    def poisoned(code, value):
        inner = tuple(poisoned(c, value) if hasattr(c, "co_consts") else c for c in code.co_consts)
        return code.replace(co_consts=(*inner, value) if code.co_name == "f" else inner)

    with pytest.raises(ValueError, match=r"^a constant of type list in the code of f \(line 2\)$"):
        add(dumper, "bad", poisoned(code, ("x y", (1.5, [1]))))
    with pytest.raises(ValueError, match=r"^a constant of type test_objects\.Text in the code of f"):
        add(dumper, "bad", poisoned(code, Text("text")))
    deep = 1.5
    for _ in range(1000):
        deep = (deep,)
    with pytest.raises(ValueError, match="nested more than 500 deep"):
        add(dumper, "bad", poisoned(code, deep))
    with pytest.raises(ValueError, match="a str instead of a code object"):
        add(dumper, "bad", "text")
    add(dumper, "good", code)
    with pytest.raises(ValueError, match="good was added before"):
        add(dumper, "good", code)
    with pytest.raises(ValueError, match="no root has the number 7"):
        dumper.add_module("other", 7, "other.py", False, code, None, 0)
    finish(dumper, tmp_path / "test.glow")
    archive = Archive(tmp_path / "test.glow")
    assert list(archive.modules) == ["good"]
    assert differences(code, archive.module("good", code.co_filename)) == []
    with pytest.raises(RuntimeError, match="has been written"):
        finish(dumper, tmp_path / "again.glow")


class Text(str):
    """Not exactly a str."""

    __slots__ = ()


def test_kinds_and_compiled_texts_are_recorded(tmp_path):
    dumper = new_dumper()
    code = fresh("x = 1")
    dumper.add_module("package", 0, "package/__init__.py", True, code, b"x = 1", 5, compiles=True)
    dumper.add_extension("native", 0, "native.so", False)
    text = fresh("a + 'two words'", "<text>", "eval")
    dumper.add_compiled("a + 'two words'", "<text>", "eval", 0, text)
    dumper.add_regex("a(?P<n>b)", 0, 32, [1, 2], 1, {"n": 1})
    dumper.add_regex(b"a", 2, 2, [3], 0, {})
    finish(dumper, tmp_path / "test.glow")
    archive = Archive(tmp_path / "test.glow")
    assert {name: flags for name, (flags, *_) in archive.modules.items()} == {"package": 1 | 4, "native": 2}
    ((number, place),) = archive.compiled
    copy = archive.code(number, place, "<text>")
    assert differences(text, copy) == []
    assert eval(copy, {"a": "not "}) == "not two words"


def test_equal_input_gives_equal_archives(tmp_path):
    script = "import sys; from test_objects import make_some; make_some(sys.argv[1])"
    for seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(HERE), "PYTHONMALLOC": "malloc"}
        environment["MALLOC_PERTURB_"] = str(int(seed) + 40)
        subprocess.run([sys.executable, "-c", script, tmp_path / seed], env=environment, check=True)
    assert (tmp_path / "1").read_bytes() == (tmp_path / "2").read_bytes()


def make_some(path):
    """An archive of some modules of the standard library."""
    dumper = new_dumper()
    folder = Path(sysconfig.get_path("stdlib"))
    for name in ("argparse", "ast", "dataclasses", "decimal", "enum", "locale", "re/_parser", "sre_parse", "typing"):
        if (folder / f"{name}.py").is_file():
            add(dumper, name, fresh((folder / f"{name}.py").read_bytes(), f"/stdlib/{name}.py"))
    finish(dumper, path)


@pytest.mark.newest
def test_the_whole_standard_library_comes_back(tmp_path):
    """In a process of its own: a wrong pointer would end it."""
    subprocess.run([sys.executable, HERE / "stdlib_round_trip.py", tmp_path / "stdlib.glow"], check=True)


def test_relocated_code_behaves_as_plain_code_while_it_runs(tmp_path):
    """Specialisation, tracing, monitoring, weak references, collections and the interpreter's end."""
    subprocess.run([sys.executable, HERE / "running.py", tmp_path / "running.glow"], check=True)
