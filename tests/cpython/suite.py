"""The modules of CPython's own test suite that are run, and the archive that the standard library is served from."""

import os
import sys
import sysconfig
from importlib.machinery import BuiltinImporter, FrozenImporter
from pathlib import Path

import snapshots

LABEL = Path(sys.prefix).name

# What issue 2 asks for.
ASKED = (
    "test_importlib", "test_import", "test_pkgutil", "test_runpy", "test_inspect", "test_traceback", "test_code",
    "test_re", "test_dataclasses", "test_json",
)  # fmt: skip

# Those of test_asyncio that take about a second or less.
SHORT_OF_ASYNCIO = (
    "test_base_events", "test_buffered_proto", "test_context", "test_eager_task_factory", "test_futures2",
    "test_locks", "test_pep492", "test_proactor_events", "test_protocols", "test_queues", "test_runners",
    "test_selector_events", "test_server", "test_streams", "test_threads", "test_timeouts", "test_transports",
    "test_unix_events", "test_waitfor",
)  # fmt: skip

# Only with GLOWPLUG_CPYTHON_TESTS=all (`make cpython-tests`): the rest of test_asyncio, and what else looks closely at
# code objects, frames, imports, garbage collection or the start of the interpreter.
MORE = (
    "test_abc", "test_argparse", "test_ast", "test_atexit", "test_builtin", "test_bdb", "test_cmd_line_script",
    "test_codeop", "test_collections", "test_compile", "test_concurrent_futures",
    "test_contextlib", "test_copy", "test_coroutines", "test_descr", "test_dis", "test_doctest", "test_email",
    "test_enum", "test_exceptions", "test_faulthandler", "test_frame", "test_frozen", "test_fstring",
    "test_funcattrs", "test_functools", "test_future", "test_gc", "test_generators", "test_global", "test_grammar",
    "test_linecache", "test_logging", "test_marshal", "test_module", "test_modulefinder", "test_monitoring",
    "test_multiprocessing_main_handling", "test_namedtuple", "test_patma", "test_peepholer", "test_pickle",
    "test_positional_only_arg", "test_pprint", "test_pyclbr", "test_pydoc", "test_reprlib", "test_scope", "test_set",
    "test_site", "test_string", "test_subclassinit", "test_super", "test_symtable", "test_sys", "test_sys_setprofile",
    "test_sys_settrace", "test_syntax", "test_threading", "test_thread", "test_trace", "test_tracemalloc",
    "test_type_params", "test_typing", "test_unittest", "test_utf8_mode", "test_warnings", "test_weakref",
    "test_with", "test_xml_etree", "test_zipapp", "test_zipimport",
)  # fmt: skip

# Not run, by label of the Python.
NOT_RUN = {
    # test_4_daemon_threads never ends in Debian's 3.11.2, whether there is an archive or not.
    "3.11-debian": ("test_threading",),
}

COMPLETE = os.environ.get("GLOWPLUG_CPYTHON_TESTS") == "all"

NOT_ARCHIVED = {"site-packages", "dist-packages", "test", "tests", "idle_test"}


def unpacked_tests():
    """The `test` package that the set-up unpacked for an interpreter that comes without."""
    folder = snapshots.TESTS.parent / "target" / "cpython-tests" / LABEL
    return folder if folder.is_dir() else None


def standard_library():
    """The folder of this interpreter's standard library."""
    return Path(sysconfig.get_path("stdlib"))


def test_package():
    """The folder of the `test` package, or None where this interpreter has none that is complete."""
    for above in (unpacked_tests(), standard_library()):
        if above is not None and (above / "test" / "test_json").is_dir():
            return above / "test"
    return None


def exists(name):
    """Whether this Python has a test module, with what it needs from outside of the `test` package."""
    if name == "test_unittest" and not (test_package() / name).is_dir():
        return (standard_library() / "unittest" / "test").is_dir()  # before 3.12
    if name in NOT_RUN.get(LABEL, ()):
        return False
    folder = test_package() / Path(*name.split("."))
    return folder.is_dir() or folder.with_suffix(".py").is_file()


def groups():
    """By group: its test modules. The modules of a group run in one process."""
    found = {name: [name] for name in ASKED}
    found["test_asyncio"] = [f"test_asyncio.{name}" for name in SHORT_OF_ASYNCIO]
    if COMPLETE:
        found["test_asyncio"] = ["test_asyncio"]
        found.update({name: [name] for name in MORE})
    if test_package() is None:
        return found
    there = {group: [f"test.{name}" for name in names if exists(name)] for group, names in found.items()}
    return {group: names for group, names in there.items() if names}


def below(folder, prefix):
    """Names of the modules in a folder and in the packages below it."""
    for entry in sorted(folder.iterdir()):
        if entry.suffix == ".py" and entry.stem != "__init__":
            yield prefix + entry.stem
        elif (entry / "__init__.py").is_file() and entry.name not in NOT_ARCHIVED:
            yield prefix + entry.name
            yield from below(entry, f"{prefix}{entry.name}.")


def modules():
    """Names of all modules of the standard library, and of those of the `test` package that the groups need."""
    yield from below(standard_library(), "")
    tested = {name.split(".")[1] for names in groups().values() for name in names}
    yield "test"
    for name in below(test_package(), "test."):
        part = name.split(".")[1]
        if part in tested or not part.startswith("test_"):
            yield name


def environment():
    """Variables that the test modules need in order to be imported."""
    return {"PYTHONPATH": unpacked_tests(), "PYTHONHASHSEED": "0"}


def archive(folder):
    """Builds the archive: all those modules, with the regular expressions and texts of the test modules."""
    folder.mkdir(parents=True, exist_ok=True)
    listing = folder / "modules.txt"
    names = [name for name in modules() if not inside_the_interpreter(name)]
    listing.write_text("\n".join(names) + "\n", encoding="utf-8")
    imported = [name for names in groups().values() for name in names if importable(name)]
    variables = [f"--env={name}={value}" for name, value in environment().items() if value is not None]
    return snapshots.snapshot(
        folder, "--modules", listing, "--import", ",".join(imported), "--name", "standard-library", *variables
    )


def importable(name):
    """Whether importing the test module does not itself raise `unittest.SkipTest`."""
    return not name.endswith(("test_windows_events", "test_windows_utils"))


def inside_the_interpreter(name):
    """Whether the import system takes a module from the executable and not from the disk."""
    return any(importer.find_spec(name) is not None for importer in (BuiltinImporter, FrozenImporter))
