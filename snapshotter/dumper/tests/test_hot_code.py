"""Code that has run is brought together, and everything that leads to it leads there."""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(sys.version_info < (3, 12), reason="code is not immortal before 3.12")

PROGRAM = """
import gc, sys
sys.path.insert(0, sys.argv[1])
from dumping import load_dumper
dumper = load_dumper()

# Of many functions some run, so that their code lies apart.
SOURCE = '''
def outer(values):
    def inner(value):
        return value.real + len(str(value))
    return sum(inner(value) for value in values)

def never(values):
    return [value.imag for value in values]
'''
functions = []
for number in range(1200):
    names = {"__name__": "made"}
    exec(compile(SOURCE.replace("outer", f"outer_{number}"), "made.py", "exec"), names)
    functions.append((names[f"outer_{number}"], names["never"]))

def generate():
    yield from (value.real for value in (1, 2, 3))

running = generate()
first = next(running)
outers = [outer for outer, _ in functions[::24]]
nevers = [never for _, never in functions]
def pages(made):
    return len({id(function.__code__) >> 12 for function in made})
def inner(function):
    return next(each for each in function.__code__.co_consts if getattr(each, "co_name", "") == "inner")

# Of a file that is named, and has not run yet.
wanted = {}
exec(compile("def wanted(): return 1\\ndef another(): return 2", "wanted.py", "exec"), wanted)
wanted_before, another_before = wanted["wanted"].__code__, wanted["another"].__code__

noted = dumper.note_code()
# All specialised, when the last round begins: two rounds are enough for that.
settled = outers[0]
for _ in range(40):
    settled([1, 2, 3])
last = dumper.note_code()
before = [(outer.__code__, inner(outer), outer([1, 2, 3])) for outer in outers]
scattered, never_before = pages(outers), [never.__code__ for never in nevers]
end = dumper.note_code()
# What runs afterwards does not count.
nevers[0]([1])
dumper.immortalize()
count = dumper.gather_code([noted, last, end], {"wanted.py"}, {"wanted", "never"})
assert 100 <= count < 200, count
assert pages(outers) < scattered / 3, (pages(outers), scattered)
assert all(never.__code__ is code for never, code in zip(nevers, never_before))
assert wanted["wanted"].__code__ is not wanted_before and wanted["wanted"]() == 1
assert wanted["another"].__code__ is another_before
# What is only read is the last.
assert id(settled.__code__) > max(id(outer.__code__) for outer in outers[1:])
for outer, (code, inner_code, answer) in zip(outers, before):
    assert outer.__code__ is not code and outer.__code__ == code and hash(outer.__code__) == hash(code)
    assert inner(outer) is not inner_code and inner(outer) == inner_code
    for name in ("co_consts", "co_names"):
        now, then = getattr(outer.__code__, name), getattr(code, name)
        assert now == then and now is not then and sys.getrefcount(now) >= 1 << 30
    assert outer.__code__.replace() == code
    for _ in range(5):
        assert outer([1, 2, 3]) == answer
assert len({getattr(outer.__code__, name).__sizeof__() for outer in outers for name in ("co_consts", "co_names")}) == 2
assert len({id(outer.__code__.co_consts) >> 12 for outer in outers}) < 10
gc.collect()
assert [first, *running] == [1, 2, 3]

# What looks at code finds it.
import dis, inspect, traceback
lines = []
sys.settrace(lambda frame, event, _: lines.append((frame.f_code.co_name, event)))
outers[0]([1])
sys.settrace(None)
assert ("outer_0", "call") in lines and ("inner", "call") in lines
assert inspect.signature(outers[0]).parameters.keys() == {"values"}
assert "LOAD" in "".join(each.opname for each in dis.get_instructions(outers[0]))
try:
    outers[0]([None])
except AttributeError as error:
    assert [frame.name for frame in traceback.extract_tb(error.__traceback__)][-1] == "inner"
outers[1].__code__ = outers[2].__code__.replace(co_name="renamed")
assert outers[1]([1, 2, 3]) == before[1][2]
"""


def test_what_has_run_lies_together():
    command = [sys.executable, "-c", PROGRAM, Path(__file__).parent]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
