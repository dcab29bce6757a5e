"""Watching leaves the target as it is."""

import pytest

pytestmark = pytest.mark.no_wheel


def test_the_environment_is_the_same_object_of_the_same_class_afterwards(watched):
    result = watched("""
import os
kept, plain = os.environ, type(os.environ)
from glowplug_image import watch
watch.begin()
inside = [type(os.environ) is plain, isinstance(os.environ, plain), repr(type(os.environ)) == repr(plain)]
os.environ["SET"] = "1"
os.environ.get("READ")
watch.end()
os.environ.get("LATER")
import json
reads = watch.environment_reads()
print(json.dumps([inside, os.environ is kept, type(os.environ) is plain, type(os.environb) is plain,
                  reads["READ"], "LATER" in reads, "SET" in reads, watch.environment_changes(), os.getenv("SET")]))
""")
    assert result == [[False, True, True], True, True, True, None, False, False, ["SET"], "1"]


def test_variables_that_c_code_reads_are_always_recorded(watched):
    result = watched(
        """
from glowplug_image import watch
watch.begin()
watch.end()
import json
reads = watch.environment_reads()
print(json.dumps([reads["TZ"], reads["LC_ALL"], [name for name in reads if name.startswith("AWS_")]]))
""",
        TZ="Europe/Berlin",
        LC_ALL=None,
    )
    assert result == ["Europe/Berlin", None, []]


def test_functions_are_the_interpreters_own_afterwards(watched):
    result = watched("""
import os, json
own = [os.pipe]
from glowplug_image import watch
watch.begin()
import _thread, threading, signal
from os import pipe as taken, dup
class Holder:
    pipe = os.pipe
ends = Holder().pipe()
stood_in = taken is not own[0]
watch.end()
import _frozen_importlib_external as external
methods = [external._LoaderBasics.exec_module, external.ExtensionFileLoader.create_module]
kinds = {type(f).__name__ for f in (os.pipe, taken, dup, signal.alarm, _thread.start_new_thread)}
print(json.dumps([stood_in, os.pipe is own[0], taken is own[0], sorted(kinds), len(ends),
                  [method.__module__ for method in methods]]))
""")
    assert result[:3] == [True, True, True]
    assert result[3] == ["builtin_function_or_method"]
    assert result[4] == 2
    assert set(result[5]) <= {"_frozen_importlib_external", "importlib._bootstrap_external"}


def test_nothing_is_seen_after_the_end(watched):
    result = watched("""
from glowplug_image import watch
watch.begin()
watch.end()
import json, socket, os
s = socket.socket()
open("written", "w").close()
print(json.dumps([len(watch.current.network.sockets), len(watch.current.files.written)]))
""")
    assert result == [0, 0]


def test_the_target_sees_no_module_of_the_watching(examine):
    found = examine("import sys, json\nprint(json.dumps(sorted(sys.modules)))\n")
    modules = set(__import__("json").loads(found.printed))
    assert not {name for name in modules if name.startswith("glowplug_")}
    assert not {"ctypes", "fcntl", "mmap", "gc", "pathlib", "threading", "_socket", "socket"} & modules


def test_looking_leaves_no_module_behind(watched):
    result = watched("""
import json, os
from glowplug_image import obstacles, watch
watch.begin()
r, w = os.pipe()
os.write(w, b"x")
before = set(sys.modules)
found = obstacles.find()
print(json.dumps([sorted(set(sys.modules) - before), [each.kind for each in found if each.fatal]]))
""")
    assert result == [[], []]


def test_tracebacks_show_no_frame_of_the_watching(watched):
    result = watched("""
from glowplug_image import watch
watch.begin()
import json, traceback
open("broken.py", "w").write("1 / 0")
sys.path.insert(0, ".")
try:
    import broken
except ZeroDivisionError as error:
    files = [frame.filename for frame in traceback.extract_tb(error.__traceback__)]
print(json.dumps([file.rpartition("/")[2] for file in files]))
""")
    assert result == ["program.py", "broken.py"]
