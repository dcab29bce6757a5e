"""Every way in which Python is started, and every way in which modules are found, with an archive as without."""

# ruff: noqa: E501 (the programs that are run stand here as text)

import json
import os
import shutil
import sys
from pathlib import Path

import pytest
from processes import PYTHON, glowplug, plain_and_served, python
from snapshots import copy_of, snapshot

ANSWER = "import stall; print(stall.handler({}, None))"

# Where a module came from: put before programs that ask.
CAME_FROM = """
import sys
def came_from(name):
    return type(sys.modules[name].__spec__.loader).__name__
"""


def served(archive, program, *options, **environment):
    """What a program prints that must not fall back and not write to stderr."""
    options = (*options, "-c", CAME_FROM + program)
    return python(*options, archive=archive, GLOWPLUG_STRICT=1, **environment).silently().out


# Threads and processes.


def test_many_threads_import_one_module_at_once_and_get_the_same_one(stall):
    # `dataclasses` looks into sys.modules for `typing`, which another thread might be importing: CPython's own race.
    program = """
import dataclasses, threading, typing
sys.setswitchinterval(1e-6)
names = ["orchard.apples", "orchard.pears", "meadow.grass", "orchard.late"]
start, found = threading.Barrier(24), []
def work(number):
    start.wait()
    for name in names[number % 4:] + names[:number % 4]:
        __import__(name)
        found.append((name, id(sys.modules[name]), len(vars(sys.modules[name])) > 5))
threads = [threading.Thread(target=work, args=(n,)) for n in range(24)]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(len(found), len(set(found)), {came_from(n) for n in names})
"""
    for _ in range(5):
        assert served(stall, program, cwd=stall.root) == "96 4 {'ArchiveLoader'}\n"


def test_many_threads_import_different_modules_at_once(standard_library):
    # `typing` is there already, for the same reason.
    program = """
import threading, typing
sys.setswitchinterval(1e-6)
names = ["argparse", "asyncio", "email.mime.multipart", "http.client", "xml.dom.minidom", "unittest.mock", "decimal",
         "concurrent.futures", "logging.config", "urllib.request", "multiprocessing.pool", "sqlite3", "pydoc", "zipfile",
         "statistics", "ipaddress", "tarfile", "ssl", "dataclasses", "smtplib", "difflib", "uuid", "pdb", "csv"]
start, failed = threading.Barrier(len(names)), []
def work(name):
    start.wait()
    try:
        __import__(name)
    except BaseException as error:
        failed.append((name, error))
threads = [threading.Thread(target=work, args=(name,)) for name in names]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(failed, {came_from(name) for name in names})
"""
    for _ in range(5):
        assert served(standard_library, program) == "[] {'ArchiveLoader'}\n"


def test_a_forked_child_goes_on_importing_from_the_archive(stall):
    program = """
import os, orchard
child = os.fork()
import stall
import orchard.late
print(came_from("orchard"), came_from("orchard.late"), stall.handler({}, None)["price"], flush=True)
if child == 0:
    os._exit(0)
print(os.waitpid(child, 0)[1])
"""
    line = "ArchiveLoader ArchiveLoader 5.0\n"
    assert served(stall, program, cwd=stall.root) == line + line + "0\n"


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_processes_of_multiprocessing_start_from_the_archive(method, stall_with, write):
    archive = stall_with()
    (archive.root / "workers.py").write_text(
        "import multiprocessing, sys\n"
        "def work(kilos):\n"
        "    import stall\n"
        "    name = type(sys.modules['orchard.late'].__loader__).__name__ if 'orchard.late' in sys.modules else None\n"
        "    price = stall.handler({'kilos': kilos}, None)['price']\n"
        "    return price, type(sys.modules['orchard.late'].__loader__).__name__\n"
        "if __name__ == '__main__':\n"
        f"    with multiprocessing.get_context({method!r}).Pool(3) as pool:\n"
        "        print(pool.map(work, [1, 2, 3]))\n"
    )
    done = python("workers.py", cwd=archive.root, archive=archive, GLOWPLUG_STRICT=1).silently()
    assert done.out == "[(2.5, 'ArchiveLoader'), (5.0, 'ArchiveLoader'), (7.5, 'ArchiveLoader')]\n"


SUBINTERPRETER = """
import sys
if sys.version_info >= (3, 13):
    import _interpreters as interpreters
    def run(text):
        number = interpreters.create(*create)
        problem = interpreters.run_string(number, text)
        print(problem)
        interpreters.destroy(number)
else:
    import _xxsubinterpreters as interpreters
    def run(text):
        number = interpreters.create()
        interpreters.run_string(number, text)
        print(None)
        interpreters.destroy(number)
for create in ((), ("legacy",)) if sys.version_info >= (3, 13) else ((),):
    import orchard.apples
    run("import sys; sys.path.insert(0, ''); import orchard.apples, meadow.grass; print(orchard.apples.price(4), orchard.apples.__loader__.__class__.__name__, flush=True)")
    import orchard.pears
    print(orchard.pears.sorts(), type(orchard.pears.__loader__).__name__, flush=True)
"""


def test_a_subinterpreter_imports_the_plain_way(stall):
    done = python("-c", SUBINTERPRETER, cwd=stall.root, archive=stall).succeeded()
    rounds = 2 if sys.version_info >= (3, 13) else 1
    once = "10.0 SourceFileLoader\nNone\n['Conference', 'grüne Jagdbirne'] ArchiveLoader\n"
    assert done.out == once * rounds
    assert done.lines == done.err.splitlines()
    assert len(done.lines) <= rounds


# Command lines.


@pytest.mark.parametrize(
    "arguments",
    [
        ("-m", "orchard", "one", "two"),
        ("-m", "stall"),
        ("-m", "orchard.apples"),
        ("-m", "orchard.rotten"),
        ("-m", "orchard.nowhere"),
        ("-m", "json.tool", "--help"),
        (".",),
        ("stall.py",),
        ("orchard/rotten.py",),
        ("-X", "dev", "-c", ANSWER),
        ("-X", "utf8", "-c", ANSWER),
        ("-W", "error", "-c", ANSWER),
        ("-B", "-c", ANSWER),
        ("-s", "-E", "-c", ANSWER),
        ("-c", "import sys; print(sys.argv, sys.path[0], sys.flags)", "x"),
        ("-i", "-c", "import orchard.apples"),
        ("-v", "--version"),
    ],
    ids=" ".join,
)
def test_a_command_line_does_what_it_does_without_an_archive(arguments, stall):
    plain_and_served(stall, *arguments, cwd=stall.root)


def test_isolated_mode_starts_from_the_archive(stall):
    program = f"sys.path.insert(0, {str(stall.root)!r}); {ANSWER}; print(came_from('orchard.apples'))"
    assert served(stall, program, "-I").endswith("ArchiveLoader\n")


def test_without_site_there_is_no_archive_and_no_complaint(stall):
    program = f"import sys; print('_glowplug' in sys.modules); {ANSWER}"
    done = python("-S", "-c", program, cwd=stall.root, archive=stall, GLOWPLUG_STRICT=1).silently()
    assert done.out.startswith("False\n")


def test_glowplug_run_starts_from_the_archive_without_site(stall):
    program = f"{CAME_FROM}{ANSWER}; print(came_from('orchard.apples'))"
    done = glowplug("run", "--archive", stall, "--", PYTHON, "-S", "-c", program, cwd=stall.root, GLOWPLUG_STRICT=1)
    assert done.silently().out.endswith("ArchiveLoader\n")


def names_in_importtime(err):
    return {line.rpartition("|")[2].strip() for line in err.splitlines() if line.startswith("import time:")}


def test_importtime_names_the_same_modules(stall):
    done = [python("-X", "importtime", "-c", ANSWER, cwd=stall.root, archive=archive) for archive in (None, stall)]
    plain, with_archive = (names_in_importtime(each.succeeded().err) for each in done)
    assert done[0].out == done[1].out
    assert "orchard.apples" in plain
    assert plain - with_archive == set()
    assert with_archive - plain <= {"_glowplug", "gc", "atexit"}  # the two are built-in modules


def test_another_optimisation_level_falls_back_to_plain_import(stall):
    plain = python("-O", "-c", ANSWER, cwd=stall.root).silently()
    done = python("-O", "-c", ANSWER, cwd=stall.root, archive=stall).succeeded()
    assert done.out == plain.out
    (line,) = done.err.splitlines()
    assert line.startswith("glowplug: ")
    assert "optimisation level 0, running at 1" in line
    assert python("-OO", "-c", ANSWER, cwd=stall.root, archive=stall, GLOWPLUG_STRICT=1).status != 0


def test_an_archive_of_the_other_optimisation_level_is_used_with_it(stall_with):
    archive = stall_with("--optimize", "1")
    program = CAME_FROM + "import orchard.apples; assert False; print(came_from('orchard.apples'), __debug__)"
    program += "; print(sys.modules['orchard.apples'].__cached__.rpartition('/')[2])"
    done = python("-O", "-c", program, cwd=archive.root, archive=archive, GLOWPLUG_STRICT=1).silently()
    tag = sys.implementation.cache_tag
    assert done.out == f"ArchiveLoader False\napples.{tag}.opt-1.pyc\n"


def test_the_archive_of_an_interpreter_serves_its_virtual_environments(tmp_path):
    base = Path(sys.base_prefix, "bin", f"python{sys.version_info[0]}.{sys.version_info[1]}")
    if not base.exists():
        pytest.skip("the interpreter is not where its prefix says")
    archive = snapshot(tmp_path, "--import", "colorsys,json,email.message", executable=base)
    program = "import colorsys, email.message; print(came_from('colorsys'), came_from('email.message'))"
    assert served(archive, program) == "ArchiveLoader ArchiveLoader\n"


def test_a_virtual_environments_archive_serves_another_one(stall, tmp_path):
    other = tmp_path / "other"
    python("-m", "venv", "--without-pip", other).succeeded()
    program = f"{CAME_FROM}import glowplug; print(glowplug.activate({str(stall)!r})); {ANSWER}"
    program += "; print(came_from('orchard.apples'), came_from('json'))"
    packages = next(Path(sys.prefix).glob("lib*/python*/site-packages"))
    done = python("-c", program, executable=other / "bin" / "python", cwd=stall.root,
                  PYTHONPATH=packages, GLOWPLUG_STRICT=1)  # fmt: skip
    lines = done.silently().out.splitlines()
    assert lines[0] == "True"
    assert lines[-1].startswith("ArchiveLoader ")


# Places.


def moved(archive, destination):
    """The function's directory put elsewhere, the old one gone."""
    shutil.move(archive.root, destination)
    return destination


def test_a_moved_package_tree_is_served_from_its_new_place(stall_with, tmp_path):
    archive = stall_with()
    old = archive.root
    new = moved(archive, tmp_path / "else" / "where")
    program = ANSWER + "\nfor n in ('orchard', 'orchard.apples', 'orchard.pears.conference', 'meadow.grass', 'walnut'):"
    program += "\n    print(came_from(n), sys.modules[n].__file__, sys.modules[n].__cached__)"
    lines = served(archive, program, cwd=new).splitlines()
    assert len(lines) == 6
    for line in lines[1:]:
        assert line.startswith(f"ArchiveLoader {new}/")
        assert str(old) not in line


def test_a_moved_tree_gives_the_tracebacks_of_its_new_place(stall_with, tmp_path):
    archive = stall_with()
    new = moved(archive, tmp_path / "moved")
    done = plain_and_served(archive, "-c", "import orchard.apples; orchard.apples.fail()", cwd=new)
    assert f'{new}/orchard/apples.py", line' in done.err


def test_a_tree_in_two_places_is_served_from_the_one_that_is_first(stall_with, tmp_path):
    archive = stall_with()
    copy = shutil.copytree(archive.root, tmp_path / "copy")
    program = "import orchard.apples; print(orchard.apples.__file__)"
    for first, second in ((copy, archive.root), (archive.root, copy)):
        done = python("-c", program, archive=archive, PYTHONPATH=f"{first}:{second}", cwd=tmp_path).silently()
        assert done.out == f"{first}/orchard/apples.py\n"


def test_glowplug_root_names_the_place_of_the_function(stall_with, tmp_path):
    archive = stall_with()
    new = moved(archive, tmp_path / "task")
    program = f"sys.path.append({str(new)!r}); import orchard.apples; print(came_from('orchard.apples'))"
    assert served(archive, program, GLOWPLUG_ROOT=new) == "ArchiveLoader\n"


def test_paths_need_not_be_ascii(tmp_path):
    root = copy_of("stall", tmp_path / "Obstgärten 木 🍐" / "fônction")
    archive = snapshot(tmp_path / "árchivo", "stall.handler", "--name", "ünï", root=root)
    done = plain_and_served(archive, "-c", ANSWER, cwd=root)
    assert "grüne" in done.out
    program = "import orchard.pears; print(came_from('orchard.pears.grün'), came_from('orchard.pears'))"
    assert served(archive, program, cwd=root) == "ArchiveLoader ArchiveLoader\n"
    failing = "import orchard.apples; orchard.apples.fail()"
    assert "🍐" in plain_and_served(archive, "-c", failing, cwd=root).err


def test_a_path_that_is_not_utf_8_is_imported_the_plain_way(tmp_path):
    root = copy_of("stall", os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9"))
    archive = snapshot(tmp_path / "archives", "--import", "orchard.apples", "--name", "latin", PYTHONPATH=root)
    assert "orchard.apples" in archive.left_out
    plain_and_served(archive, "-c", "import orchard.apples; print(orchard.apples.price(1))", cwd=root)


@pytest.fixture
def stripped(stall_with):
    """An unchecked archive of a function whose `.py` files a packager removed, but for the handler's."""
    archive = stall_with("--validate", "unchecked")
    failing = "import orchard.apples; orchard.apples.fail()"
    archive.traceback = python("-c", failing, cwd=archive.root).err
    for file in archive.root.rglob("*.py"):
        if file.name != "stall.py":
            file.unlink()
    for folder in list(archive.root.rglob("__pycache__")):
        shutil.rmtree(folder)
    return archive


def test_stripped_sources_are_not_needed(stripped):
    assert python("-c", ANSWER, cwd=stripped.root).status == 1
    assert "'price': 5.0" in served(stripped, ANSWER, cwd=stripped.root)


def test_stripped_sources_stand_in_tracebacks(stripped):
    done = python("-c", "import orchard.apples; orchard.apples.fail()", cwd=stripped.root, archive=stripped)
    assert "# the traceback shows this line" in stripped.traceback
    # The interpreter's own printer reads files only; `traceback` and what uses it go through linecache.
    program = (
        "import orchard.apples, traceback\ntry:\n    orchard.apples.fail()\nexcept KeyError:\n    traceback.print_exc()"
    )
    done = python("-c", program, cwd=stripped.root, archive=stripped, GLOWPLUG_STRICT=1).succeeded()
    assert "# the traceback shows this line" in done.err
    assert "return fail(depth - 1)" in done.err


def test_stripped_sources_are_found_by_inspect(stripped):
    program = "import inspect, linecache, orchard.apples as a; print(inspect.getsource(a.price)); "
    program += "print(inspect.getsource(a)[:30]); print(linecache.getlines(a.__file__)[0]); "
    program += "print(a.__loader__.get_source(a.__name__)[:20]); print(a.__loader__.get_data(a.__file__)[:20])"
    out = served(stripped, program, cwd=stripped.root)
    assert "def price(kilos, per_kilo=2.5):\n    return kilos * per_kilo" in out
    assert out.count("Expressions") == 4


def test_an_interactive_traceback_of_stripped_sources_is_like_the_plain_one_but_for_the_lines(stripped):
    done = python("-c", "import orchard.apples; orchard.apples.fail()", cwd=stripped.root, archive=stripped)
    frames = [line for line in stripped.traceback.splitlines() if line.startswith('  File "')]
    assert [line for line in done.err.splitlines() if line.startswith('  File "')] == frames


# What is found first wins.


@pytest.mark.parametrize("how", ["script", "command", "PYTHONPATH", "package", "bytecode"])
def test_a_module_in_an_earlier_place_wins_over_the_archive(how, standard_library, tmp_path):
    local = tmp_path / "colorsys.py"
    if how == "package":
        local = tmp_path / "colorsys" / "__init__.py"
        local.parent.mkdir()
    local.write_text("WHO = 'local'\n")
    if how == "bytecode":
        import py_compile

        py_compile.compile(str(local), cfile=str(local.with_suffix(".pyc")))
        local.unlink()
    program = "import colorsys, json; print(colorsys.WHO, type(json.__loader__).__name__)"
    arguments = ("-c", program)
    if how == "script":
        script = tmp_path / "script.py"
        script.write_text(program)
        arguments = (script,)
    elsewhere = tmp_path / "empty"
    elsewhere.mkdir()
    cwd, path = (elsewhere, tmp_path) if how in ("PYTHONPATH", "script") else (tmp_path, None)
    done = python(*arguments, cwd=cwd, archive=standard_library, PYTHONPATH=path if how == "PYTHONPATH" else None)
    assert done.silently().out == "local ArchiveLoader\n"


def test_a_folder_without_init_does_not_win_over_the_archive(standard_library, tmp_path):
    (tmp_path / "colorsys").mkdir()
    plain_and_served(standard_library, "-c", "import colorsys; print(colorsys.__file__)", cwd=tmp_path)


def test_a_module_written_by_the_program_wins_from_then_on(standard_library, tmp_path):
    program = "import json, pathlib, importlib; pathlib.Path('colorsys.py').write_text('WHO = 1'); "
    program += "importlib.invalidate_caches(); import colorsys; print(colorsys.WHO)"
    assert served(standard_library, program, cwd=tmp_path) == "1\n"


def test_a_change_of_the_working_directory_changes_what_is_found(standard_library, tmp_path):
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "colorsys.py").write_text("WHO = 'here'\n")
    program = "import json, os; os.chdir('here'); import colorsys; print(colorsys.WHO)"
    plain_and_served(standard_library, "-c", program, cwd=tmp_path)


def test_of_two_modules_of_one_name_the_one_that_is_first_now_is_imported(tmp_path):
    for place in ("one", "two"):
        (tmp_path / place).mkdir()
        (tmp_path / place / "twin.py").write_text(f"WHO = {place!r}\n")
        (tmp_path / place / f"only_{place}.py").write_text("")
    one, two = tmp_path / "one", tmp_path / "two"
    archive = snapshot(tmp_path / "a", "--import", "only_two,only_one,twin", PYTHONPATH=f"{one}:{two}")
    for path in (f"{one}:{two}", f"{two}:{one}", f"{two}", f"{one}"):
        plain_and_served(archive, "-c", "import twin; print(twin.WHO, twin.__file__)", PYTHONPATH=path)


def test_another_projects_module_of_the_same_name_is_not_taken_for_a_moved_one(stall, tmp_path):
    (tmp_path / "orchard").mkdir()
    (tmp_path / "orchard" / "__init__.py").write_text("WHO = 'another'\n")
    (tmp_path / "orchard" / "apples.py").write_text("WHO = 'another too'\n")
    (tmp_path / "stall.py").write_text("WHO = 'another stall'\n")
    program = "import stall, orchard.apples; print(stall.WHO, orchard.WHO, orchard.apples.WHO)"
    plain_and_served(stall, "-c", program, cwd=tmp_path)


def test_a_vendored_folder_put_first_is_served(stall):
    program = f"sys.path.insert(0, {str(stall.root / 'vendor')!r}); import walnut; print(came_from('walnut'))"
    assert served(stall, program, cwd=stall.root) == "ArchiveLoader\n"


def test_a_vendored_copy_of_an_archived_package_wins(stall, tmp_path):
    vendor = tmp_path / "vendor" / "orchard"
    vendor.mkdir(parents=True)
    (vendor / "__init__.py").write_text("WHO = 'vendored'\n")
    (vendor / "apples.py").write_text("WHO = 'vendored too'\n")
    program = f"import sys, json; sys.path.insert(0, {str(vendor.parent)!r}); "
    program += "import orchard.apples; print(orchard.WHO, orchard.apples.WHO)"
    done = plain_and_served(stall, "-c", program, cwd=stall.root)
    assert done.out == "vendored vendored too\n"


def test_a_finder_that_a_program_puts_first_is_asked_first(stall):
    program = """
import sys, importlib.abc, importlib.util
class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(self, name, path, target=None):
        return importlib.util.spec_from_loader(name, self) if name == "orchard" else None
    def exec_module(self, module):
        module.WHO = "finder"
sys.meta_path.insert(0, Finder())
import orchard
print(orchard.WHO)
"""
    plain_and_served(stall, "-c", program, cwd=stall.root)


# The import system's own tools.


def test_a_module_can_be_reloaded(stall_with):
    archive = stall_with()
    program = """
import importlib, json, orchard.apples as apples, orchard.pears
before = apples, apples.Apple, apples.price(4)
file = open(apples.__file__, encoding="utf-8")
text = file.read(); file.close()
apples.MARK = 1
assert importlib.reload(apples) is before[0] and apples.MARK == 1 and apples.Apple is not before[1]
with open(apples.__file__, "w", encoding="utf-8") as file:
    file.write(text.replace("per_kilo=2.5", "per_kilo=1000"))
print(importlib.reload(apples).price(4), before[2], importlib.reload(orchard.pears).sorts())
"""
    plain_and_served(archive, "-c", program, cwd=archive.root)


def test_a_module_removed_from_sys_modules_is_imported_again(stall):
    program = """
import sys, orchard.apples, orchard.pears
first = orchard.apples
del sys.modules["orchard.apples"], orchard.apples
import orchard.apples
print(first is orchard.apples, orchard.apples.price(1), first.Apple is orchard.apples.Apple, first.price(2))
for name in [name for name in sys.modules if name.startswith("orchard")]:
    del sys.modules[name]
import orchard.pears
print(orchard.pears.sorts(), orchard.pears.__file__, orchard.basket())
"""
    plain_and_served(stall, "-c", program, cwd=stall.root)


TOOLS = {
    "pkgutil.walk_packages": "import pkgutil, orchard\n"
    "for m in pkgutil.walk_packages(orchard.__path__, 'orchard.', onerror=print): print(m.name, m.ispkg)",
    "pkgutil.iter_modules": "import pkgutil, orchard.pears, meadow\n"
    "print([m[1:] for m in pkgutil.iter_modules([*orchard.pears.__path__, *meadow.__path__])])",
    "pkgutil.get_data": "import pkgutil; print(pkgutil.get_data('orchard', 'data/basket.json'))",
    "pkgutil.get_loader": "import pkgutil, warnings; warnings.simplefilter('ignore')\n"
    "print(getattr(pkgutil, 'get_loader', lambda n: None)('orchard.apples') is not None)",
    "importlib.resources": "from importlib import resources as r\n"
    "import orchard\n"
    "print(r.files('orchard').joinpath('data', 'basket.json').read_text('utf-8'))\n"
    "print(sorted(p.name for p in r.files(orchard).iterdir() if p.name[0] != '_'))\n"
    "with r.as_file(r.files(orchard) / 'data' / 'basket.json') as f: print(f.exists(), f)",
    "find_spec": "import importlib.util as u, sys\n"
    "s = u.find_spec('orchard.apples'); print(s.name, s.origin, s.cached, s.parent, s.has_location)\n"
    "print('orchard.apples' in sys.modules)\n"
    "import orchard.apples; print(orchard.apples.price(2), u.find_spec('orchard.apples') is orchard.apples.__spec__)\n"
    "print(u.find_spec('orchard.nothing'), u.find_spec('nothing'))",
    "find_spec of everything": "import importlib.util as u\n"
    "for n in ('orchard', 'orchard.pears', 'orchard.pears.grün', 'meadow', 'meadow.grass', 'stall', 'json'):\n"
    "    s = u.find_spec(n); print(s.name, s.origin, s.submodule_search_locations and list(s.submodule_search_locations))",
    "module_from_spec": "import importlib.util as u, sys\n"
    "for _ in range(3):\n"
    "    s = u.find_spec('orchard.apples'); sys.modules[s.name] = m = u.module_from_spec(s); s.loader.exec_module(m); print(m.price(2))",
    "spec_from_file_location": "import importlib.util as u, sys\n"
    "s = u.spec_from_file_location('other', 'orchard/apples.py'); sys.modules['other'] = m = u.module_from_spec(s)\n"
    "s.loader.exec_module(m); print(m, m.Apple, m.price(3))",
    "LazyLoader": "import importlib.util as u, sys\n"
    "s = u.find_spec('orchard.apples'); s.loader = u.LazyLoader(s.loader); m = u.module_from_spec(s)\n"
    "sys.modules['orchard.apples'] = m; s.loader.exec_module(m); print(type(m).__name__); print(m.price(2))",
    "load_module": "import importlib.util as u, warnings; warnings.simplefilter('ignore')\n"
    "l = u.find_spec('orchard.apples').loader\n"
    "print(hasattr(l, 'load_module') and l.load_module('orchard.apples').price(2))",
    "runpy.run_module": "import runpy; print(runpy.run_module('orchard.long')['v2'], runpy.run_module('meadow.grass')['COLOUR'])\n"
    "print(sorted(k for k in runpy.run_module('orchard.constants', {'x': 1}, 'named') if k[0] != '_'))",
    "runpy.run_module altering sys": "import runpy; runpy.run_module('orchard', run_name='__main__', alter_sys=True)",
    "runpy.run_path": "import runpy; print(runpy.run_path('orchard/apples.py')['price'](2)); runpy.run_path('.')",
    "inspect": "import inspect, orchard.apples as a\n"
    "print(inspect.getsource(a.fail), inspect.getsource(a.Apple), inspect.getmodule(a.fail), inspect.getfile(a))\n"
    "print(inspect.signature(a.Apple), inspect.getdoc(a), inspect.getcomments(a.fail))",
    "loader methods": "import orchard, orchard.apples as a\n"
    "for m in (orchard, a):\n"
    "    l = m.__loader__; print(l.name, l.path, l.get_filename(), l.is_package(m.__name__), hash(l) == hash(l))\n"
    "    print(len(l.get_source(m.__name__)), len(l.get_data(m.__file__)), l.path_stats(m.__file__))\n"
    "    print(l.get_code(m.__name__).co_filename, l.contents() if hasattr(l, 'contents') else None)\n"
    "    try: l.get_code('another')\n"
    "    except ImportError as e: print(e, e.name)\n"
    "    try: l.get_data('/no/such/file')\n"
    "    except OSError as e: print(e)",
    "loader classes": "import importlib.abc as abc, importlib.machinery as m, orchard.apples as a\n"
    "print([isinstance(a.__loader__, c) for c in (m.SourceFileLoader, abc.Loader, abc.SourceLoader, abc.FileLoader)])",
    "namespace packages": "import meadow, meadow.grass\n"
    "print(list(meadow.__path__), meadow.__file__ if hasattr(meadow, '__file__') else None, meadow.__spec__.origin)\n"
    "print(meadow.grass.COLOUR, meadow.grass.__package__)",
    "pickling": "import pickle, orchard.apples as a\n"
    "x = [a.price, a.Apple('x', 1.5, [1]), a.Crate([]), a.Size.LARGE, a.Point(1), a.TAG]\n"
    "for p in range(pickle.HIGHEST_PROTOCOL + 1): print(pickle.loads(pickle.dumps(x, p)) == x, len(pickle.dumps(x, p)))",
    "marshalling": "import marshal, orchard.constants as c\n"
    "f = c.value_of.__code__; g = marshal.loads(marshal.dumps(f)); print(f == g, g.co_consts == f.co_consts)\n"
    "f = f.replace(co_name='renamed'); print(f.co_name, f.co_filename)",
    "functions made of archived code": "import types, orchard.apples as a, orchard.constants as c\n"
    "f = types.FunctionType(a.price.__code__, {}, 'f', (2.5,)); print(f(2), f.__defaults__)\n"
    "def g(x): return x\n"
    "g.__code__ = a.price.__code__.replace(co_argcount=2); print(g(1, 2))\n"
    "print(c.value_of(1, 2, 5, third=4)(3), list(c.counting()), c.is_member(True), c.is_member((5, 'six')))\n"
    "print(c.choose([1, 2]), c.choose({'kind': 'apple', 'grams': 200.0}), c.Outer.Inner().method()[1])",
    "constants": "import orchard.constants as c\n"
    "for v in c.everything() + list(c.large()): print(type(v), ascii(v).partition(' at 0x')[0])",
    "tracing": "import sys\n"
    "seen = []\n"
    "def trace(frame, event, arg):\n"
    "    if 'orchard' in frame.f_code.co_filename: seen.append((frame.f_code.co_name, frame.f_lineno, event))\n"
    "    return trace\n"
    "sys.settrace(trace)\n"
    "import orchard.apples\n"
    "orchard.apples.price(2)\n"
    "sys.settrace(None)\n"
    "print(len(seen), seen[:20], seen[-4:])",
    "profiling": "import sys\n"
    "seen = []\n"
    "sys.setprofile(lambda f, e, a: seen.append((f.f_code.co_name, e)) if 'orchard' in f.f_code.co_filename else None)\n"
    "import orchard.pears\n"
    "orchard.pears.sorts()\n"
    "sys.setprofile(None)\n"
    "print(seen)",
    "audit": "import sys\n"
    "seen = []\n"
    "sys.addaudithook(lambda e, a: seen.append((e, a[0])) if e == 'import' and 'orch' in a[0] else None)\n"
    "import orchard.apples, orchard.pears\n"
    "print(seen)",
    "warm code": "import orchard.constants as c, orchard.apples as a\n"
    "for n in range(20000): a.price(n); c.is_member(n); c.value_of(n, 1, 2)(3)\n"
    "import dis; print(a.price(2), a.price.__code__.co_code == a.price.__code__.replace().co_code)",
    "monitoring": "import sys\n"
    "m = getattr(sys, 'monitoring', None)\n"
    "import orchard.apples as a\n"
    "seen = []\n"
    "if m:\n"
    "    m.use_tool_id(1, 'test'); m.register_callback(1, m.events.LINE, lambda c, l: seen.append((c.co_name, l)))\n"
    "    m.set_local_events(1, a.price.__code__, m.events.LINE); a.price(1); a.price(2)\n"
    "    m.set_local_events(1, a.price.__code__, 0); a.price(3); m.free_tool_id(1)\n"
    "print(seen, a.price(4))",
}  # fmt: skip


@pytest.mark.parametrize("tool", TOOLS)
def test_a_tool_of_the_import_system_works_as_without_an_archive(tool, stall):
    done = plain_and_served(stall, "-c", TOOLS[tool], cwd=stall.root)
    assert done.status == 0, done.err


def test_a_namespace_package_has_all_its_portions(stall, tmp_path):
    other = tmp_path / "meadow"
    other.mkdir()
    (other / "flower.py").write_text("COLOUR = 'red'\n")
    program = (
        "import meadow.grass, meadow.flower; print(meadow.grass.COLOUR, meadow.flower.COLOUR, list(meadow.__path__))"
    )
    for path in (f"{tmp_path}:{stall.root}", f"{stall.root}:{tmp_path}"):
        plain_and_served(stall, "-c", program, PYTHONPATH=path, cwd=tmp_path / "meadow")


ATTRIBUTES = """
import sys, types
import stall, orchard.late
for name, module in sorted(sys.modules.items()):
    # Two built-in modules are the loader's; `unicodedata` is needed by a parser that had to look at a text.
    if name in ("__main__", "_glowplug", "gc", "atexit", "unicodedata"):
        continue
    spec = getattr(module, "__spec__", None)
    print(name, [getattr(module, a, "-") for a in ("__name__", "__file__", "__cached__", "__package__", "__doc__")])
    print(repr(module).partition(" at 0x")[0])
    path = getattr(module, "__path__", None)
    print(type(path).__name__, list(path) if path is not None else None)
    if spec is not None:
        print([getattr(spec, a) for a in ("name", "origin", "cached", "parent", "has_location", "loader_state")])
        where = spec.submodule_search_locations
        print(type(where).__name__, list(where) if where is not None else None, where is path)
        print(spec.loader is getattr(module, "__loader__", None), sorted(vars(spec)))
        print([getattr(spec.loader, a, "-") for a in ("name", "path")] if type(spec.loader) is not type else "")
"""


@pytest.mark.parametrize("prefix", [None, "cache"])
def test_modules_look_like_plain_ones_in_every_attribute(prefix, stall, tmp_path):
    folder = prefix and tmp_path / prefix
    plain_and_served(stall, "-c", ATTRIBUTES, cwd=stall.root, PYTHONPYCACHEPREFIX=folder)


def test_modules_run_as_a_script_look_like_plain_ones_too(stall):
    (script := stall.root.parent / "attributes.py").write_text(ATTRIBUTES)
    plain_and_served(stall, script, PYTHONPATH=stall.root)


# Errors and warnings.


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
