"""What an invocation leaves alive is made immortal, unless somebody could see it die."""

import subprocess
import sys
from pathlib import Path

PROGRAM = """
import array, collections, functools, gc, io
import re, struct, sys, threading, typing, weakref
sys.path.insert(0, sys.argv[1])
from dumping import load_dumper
dumper = load_dumper()

class Plain:
    def __init__(self, **values):
        self.__dict__.update(values)

class Slotted:
    __slots__ = ("value", "__weakref__")

class Cache(dict):
    pass

class Box(typing.Generic[typing.TypeVar("T")]):
    pass

class Closes(Plain):
    def __del__(self):
        pass

class Lost(OSError):
    pass

class Special(io.StringIO):
    pass

def closure(value):
    def inner():
        return value
    return inner

def generate():
    yield Plain()

def make():
    function = closure([1])
    plain = [
        Plain(values=[1]), Slotted(), Cache(a=[1]), {"key": [1]}, {"key": "untracked"}, [Plain()], {1, 2, "three"},
        ([],), function, function.__closure__[0], Plain().__init__, weakref.ref(Plain, print), collections.deque([1]),
        functools.partial(make), functools.lru_cache(closure), collections.OrderedDict(), Box(), typing.TypeVar("T"),
        threading.Lock(), threading.RLock(), re.compile("made" + str(len(seen))), struct.Struct(">i"),
    ]
    other = [
        Closes(), Lost(), Special(), generate(), io.BytesIO(), open(sys.argv[1] + "/dumping.py"), threading.local(),
        memoryview(b"text"), iter([1]), array.array("i"),
    ]
    seen.append(plain + other)
    return plain, other

def is_immortal(each):
    return sys.getrefcount(each) >= 1 << 30

seen = []
# As in an invocation: what it makes is dropped by the next one.
early, others = make()
gone = weakref.ref(early[0])
noted = dumper.note_objects()
dropped = [weakref.ref(Plain()) for _ in range(3)]
late, _ = make()
assert [each() for each in dropped] == [None] * 3
made = dumper.immortalize(noted)
if sys.version_info < (3, 12):
    assert made == 0
    sys.exit()
wrong = [each for each in early if not is_immortal(each)]
assert not wrong, wrong
wrong = [each for each in others if is_immortal(each)]
assert not wrong, wrong
# What refers to nothing that could be in a cycle lasts as well; so does what has a place in a constant.
untracked = {dict, set, re.Pattern, struct.Struct, type(threading.Lock()), type(threading.RLock())}
wrong = [each for each in late if is_immortal(each) and type(each) not in untracked]
assert not wrong, wrong
# They can be changed as ever, and what is put into them dies.
made, node = early[3], Plain()
made["more"] = node
early[5].append(node)
assert made == {"key": [1], "more": node} and is_immortal(made)
watched = weakref.ref(node)
del made["more"], node
assert watched() is not None
early[5].pop()
assert watched() is None
watched = weakref.ref(late[0])
seen.clear()
del late, early, made
gc.collect()
assert watched() is None
assert gone() is not None
"""


def test_what_survives_an_invocation_is_immortal_unless_its_end_has_an_effect():
    command = [sys.executable, "-c", PROGRAM, Path(__file__).parent]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
