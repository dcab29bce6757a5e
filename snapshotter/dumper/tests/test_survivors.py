"""What an invocation leaves alive is made immortal, unless somebody could see it die."""

import subprocess
import sys
from pathlib import Path

# What both programs begin with.
PRELUDE = """
import array, collections, functools, gc, io
import re, struct, sys, threading, types, typing, weakref
sys.path.insert(0, sys.argv[1])
from dumping import load_dumper
dumper = load_dumper()

class Plain:
    def __init__(self, **values):
        self.__dict__.update(values)

def is_immortal(each):
    return sys.getrefcount(each) >= 1 << 30
"""

PROGRAM = """
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

class Weak(weakref.ref):
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
        ([],), function, function.__closure__[0], Plain().__init__, Weak(Plain), collections.deque([1]),
        functools.partial(make), functools.lru_cache(closure), collections.OrderedDict(), Box(), typing.TypeVar("T"),
        threading.Lock(), threading.RLock(), re.compile("made" + str(len(seen))), struct.Struct(">i"),
    ]
    other = [
        Closes(), Lost(), Special(), generate(), io.BytesIO(), open(sys.argv[1] + "/dumping.py"), threading.local(),
        memoryview(b"text"), iter([1]), array.array("i"),
    ]
    seen.append(plain + other)
    return plain, other

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

# What refers to something whose end is seen is left mortal, however far away, and what is waited for.
HELD_TOGETHER = """
class Closes(Plain):
    def __del__(self):
        closed is not None and closed.append(1)

class Odd(weakref.ref):
    __callback__ = property(lambda self: 1 / 0)

closed, ended, listeners, pools = [], [], weakref.WeakSet(), weakref.WeakValueDictionary()
owner = Plain(inner={"deep": [Plain(resource=Closes())]})
on_path = [owner, owner.inner, owner.inner["deep"], owner.inner["deep"][0]]
cycle = Plain(resource=Closes())
cycle.other = [Plain(back=cycle)]
listener, pool, temporary = Plain(), Plain(), Plain()
listeners.add(listener)
pools["one"] = pool
weakref.finalize(temporary, ended.append, 1)
around = {"listener": listener}
calls, looks, odd = weakref.ref(around["listener"], ended.append), weakref.ref(owner), Odd(Plain)
beside = Plain(leaf=[1], calls=calls)
kept = types.ModuleType("kept")
kept.resource, kept.beside = Closes(), beside
last = {"answer": []}
deep = {"answer": []}
everything = [last, deep]
noted = dumper.note_objects()
last["answer"] = Plain(text=["new"])
deep["answer"] = Plain(resource=Closes())
dumper.immortalize(noted)
if sys.version_info < (3, 12):
    sys.exit()
mortal = [*on_path, cycle, cycle.other, cycle.other[0], listener, pool, temporary, around, calls, deep, everything]
wrong = [each for each in mortal if is_immortal(each)]
assert not wrong, wrong
lasting = [looks, odd, beside, beside.leaf, last, kept, kept.__dict__]
wrong = [each for each in lasting if not is_immortal(each)]
assert not wrong, wrong
del mortal, wrong, on_path, around
before = len(closed)
del owner
assert len(closed) == before + 1
del listener, pool, temporary
assert (len(listeners), len(pools), ended[1:]) == (0, 0, [1]), (ended, list(listeners), dict(pools))
"""


def run(program):
    command = [sys.executable, "-c", PRELUDE + program, Path(__file__).parent]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_what_survives_an_invocation_is_immortal_unless_its_end_has_an_effect():
    run(PROGRAM)


def test_nothing_is_immortal_that_would_keep_what_is_to_be_seen_ending():
    run(HELD_TOGETHER)
