"""Fixtures of the end-to-end tests.

They test the Python that runs them: `tests/setup/each_python.py` starts them in each environment of `target/venvs`,
into which the wheel was installed, and names the Pythons that could not be had.
"""

import importlib.util
import json
import os
import sys
from pathlib import Path

import processes
import pytest
import snapshots

REPOSITORY = Path(__file__).resolve().parents[1]
MINOR = "{}.{}".format(*sys.version_info[:2])

# A wide part of the standard library, for what imports a lot at once.
STANDARD_LIBRARY = (
    "argparse,ast,asyncio,base64,bz2,calendar,cgitb,cmd,code,colorsys,concurrent.futures,configparser,contextvars,copy,"
    "csv,ctypes,dataclasses,datetime,decimal,difflib,dis,doctest,email.mime.multipart,email.parser,enum,filecmp,"
    "fileinput,fractions,ftplib,getpass,gettext,graphlib,gzip,hashlib,heapq,hmac,html.parser,http.client,http.cookies,"
    "http.server,imaplib,importlib.metadata,importlib.resources,inspect,ipaddress,json,linecache,logging.config,lzma,"
    "mailbox,mimetypes,multiprocessing.pool,numbers,optparse,pathlib,pdb,pickle,pickletools,pkgutil,platform,plistlib,"
    "pprint,profile,pstats,pydoc,queue,quopri,random,runpy,sched,secrets,selectors,shelve,shlex,shutil,smtplib,"
    "socketserver,sqlite3,ssl,statistics,string,subprocess,symtable,tarfile,tempfile,textwrap,threading,timeit,"
    "tokenize,tomllib,trace,tracemalloc,turtledemo,typing,unittest.mock,urllib.parse,urllib.request,uuid,venv,wave,"
    "weakref,webbrowser,wsgiref.simple_server,xml.dom.minidom,xml.etree.ElementTree,xml.sax,xmlrpc.client,zipapp,"
    "zipfile,zoneinfo"
)


# What takes longest and differs least between versions: `make test` runs it, and what is marked `ends`, with the oldest
# and the newest Python, `make test GLOWPLUG_TESTS=all` with each. What a restored process can do is asked of each, and
# what it says to another build of its Python.
AT_THE_ENDS = (
    "image",
    "lambda/test_events.py",
    "lambda/test_functions.py",
    "lambda/test_wrapper.py",
    "renewal",
    "test_command_lines.py",
    "test_concurrency.py",
    "test_memcheck.py",
)
# What differs least of all, and what is more about large libraries than about Python, is run with the newest alone, as
# is what is marked `newest`.
AT_THE_NEWEST = (
    "cpython",
    "doctor",
    "image/test_image_allocators.py",
    "image/test_image_cold.py",
    "image/test_image_crash.py",
    "image/test_image_damage.py",
    "image/test_image_endurance.py",
    "image/test_image_functions.py",
    "image/test_image_late_imports.py",
    "image/test_image_libraries.py",
    "image/test_image_moments.py",
    "image/test_image_openblas.py",
    "image/test_image_other_processors.py",
    "image/test_image_priming.py",
    "image/test_image_processors.py",
    "image/test_image_scarcity.py",
    "image/test_image_secrets.py",
    "image/test_image_shared_text.py",
    "image/test_image_streams.py",
    "image/test_image_uniqueness.py",
    "lambda/test_functions.py",
    "renewal/test_botocore.py",
    "renewal/test_connections.py",
    "test_faults.py",
    "test_places.py",
    "threads",
)
ON_EACH = ("image/test_image_after_restore.py", "image/test_image_other_builds.py")
# What another build of a version that is tested anyway is left without: what objects are like, and large packages.
NOT_OF_A_BUILD = (
    REPOSITORY / "snapshotter" / "dumper" / "tests" / "test_objects.py",
    *(REPOSITORY / "tests" / name for name in ("test_garbage.py", "test_packages.py")),
)


def is_for_others(item, oldest, newest):
    """Whether a test is left to the oldest and the newest Python, or to the newest; those marked `once` never are."""
    if item.get_closest_marker("once"):
        return False
    left = (() if oldest or newest else AT_THE_ENDS) + (() if newest else AT_THE_NEWEST)
    if item.get_closest_marker("newest"):
        return not newest
    if item.get_closest_marker("ends"):
        return not (oldest or newest)
    places = {REPOSITORY / "tests" / name for name in left}
    exceptions = {REPOSITORY / "tests" / name for name in ON_EACH}
    return item.path not in exceptions and not places.isdisjoint({item.path, *item.path.parents})


def is_another_build(known):
    """Whether this Python's version is tested with the build of it that stands before it, too."""
    this = Path(sys.executable).resolve()
    others = [Path(python["executable"]).resolve() for python in known if python["minor"] == MINOR]
    return this in others[1:]


def pytest_collection_modifyitems(config, items):
    """Leaves tests marked `once` to one Python: the newest of pyenv's, or any where none is known."""
    try:
        known = json.loads((REPOSITORY / "target" / "pythons.json").read_text("utf-8"))["pythons"]
    except OSError:
        known = []
    left = []
    if os.environ.get("GLOWPLUG_TESTS") != "all" and known:
        versions = [tuple(map(int, python["label"].partition("-")[0].split("."))) for python in known]
        oldest, newest = (sys.version_info[:2] == end(versions) for end in (min, max))
        left += [item for item in items if is_for_others(item, oldest, newest)]
        if is_another_build(known):
            left += [item for item in items if item.path in NOT_OF_A_BUILD and item not in left]
    ours = [Path(python["executable"]) for python in known if ".pyenv" in python["executable"]]
    if ours and Path(sys.executable).resolve() != ours[-1].resolve():
        left += [item for item in items if item.get_closest_marker("once") and item not in left]
    config.hook.pytest_deselected(items=left)
    items[:] = [item for item in items if item not in left]


@pytest.fixture(scope="session", autouse=True)
def _installed(request):
    """Says what to do where the wheel is not installed, instead of failing everywhere."""
    needy = [item for item in request.session.items if item.get_closest_marker("no_wheel") is None]
    if needy and (importlib.util.find_spec("_glowplug") is None or not processes.COMMAND.exists()):
        pytest.exit(f"the wheel is not installed in {sys.prefix}: run `make python-tests`", returncode=2)


@pytest.fixture(scope="session")
def archives(tmp_path_factory):
    """The folder that archives of this session are built in."""
    return tmp_path_factory.mktemp("archives")


class Packages:
    """The functions of `functions/packages`, each snapshotted when it is first asked for."""

    def __init__(self, folder, archives):
        self.root = snapshots.copy_of("packages", folder / "packages")
        self.archives = archives
        self.built = {}

    def event(self, name):
        return self.root / f"{name}_event.json"

    def __getitem__(self, name):
        if name not in self.built:
            self.built[name] = snapshots.snapshot(
                self.archives, f"{name}_function.handler", "--event", self.event(name), "--name", name, root=self.root
            )
        return self.built[name]

    def invoke(self, name, *options, archive=None, **variables):
        """Runs a function once; what `programs/invoke.py` says of it."""
        program = snapshots.PROGRAMS / "invoke.py"
        arguments = (self.root, f"{name}_function", self.event(name))
        done = processes.python(*options, program, *arguments, archive=archive, **variables).silently()
        return json.loads(done.out)


@pytest.fixture(scope="session")
def packages(tmp_path_factory, archives):
    """The functions that use the packages of issue 2, with their archives."""
    return Packages(tmp_path_factory.mktemp("functions"), archives)


@pytest.fixture(scope="session")
def standard_library(archives):
    """An archive of a hundred modules of the standard library and what they import."""
    names = [name for name in STANDARD_LIBRARY.split(",") if importlib.util.find_spec(name.partition(".")[0])]
    return snapshots.snapshot(archives, "--import", ",".join(names), "--name", "standard-library")


@pytest.fixture(scope="session")
def stall(tmp_path_factory, archives):
    """The archive of the function in `functions/stall`: a small tree with one of each kind of module.

    Tests must not change its files; `stall_with` makes another.
    """
    root = snapshots.copy_of("stall", tmp_path_factory.mktemp("stall") / "function")
    return snapshots.snapshot(archives, "stall.handler", "--event", "empty", "--name", "stall", root=root)


@pytest.fixture
def function(tmp_path):
    """A copy of the function in `functions/stall` that a test may change."""
    return snapshots.copy_of("stall", tmp_path / "function")


@pytest.fixture
def stall_with(tmp_path):
    """Makes a copy of `functions/stall` and its archive, with further arguments for `glowplug snapshot`."""

    def make(*arguments, folder="function", change=None):
        root = snapshots.copy_of("stall", tmp_path / folder)
        if change is not None:
            change(root)
        return snapshots.snapshot(
            tmp_path / f"{folder}-archive", "stall.handler", "--event", "empty", *arguments, root=root
        )

    return make


@pytest.fixture
def write(tmp_path):
    """Writes a program or data file into the test's folder."""

    def write_file(name, text):
        file = Path(tmp_path, name)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        return file

    return write_file
