"""Threads that import at once, forks, processes of multiprocessing, subinterpreters."""

# ruff: noqa: E501 (the programs that are run stand here as text)

import sys

import pytest
from processes import python, served


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
