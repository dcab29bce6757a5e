"""Runs relocated code in ways that change code objects; argument: where to write the archive."""

import dis
import gc
import sys
import types
import weakref

from dumping import add, finish, fresh, new_dumper
from relocating import Archive

SOURCE = """
class Point:
    def __init__(self, x, y): self.x, self.y = x, y
    def __getitem__(self, n): return self.x if n == 0 else self.y
    @property
    def total(self): return self.x + self.y
    def __getattribute__(self, name): return object.__getattribute__(self, name)
def add(a, b): return a + b
def keyword(a, b=2): return a * b
def numbers(n):
    for i in range(n): yield i
def work(n):
    total = 0
    point = Point(1, 2)
    for i in numbers(n):
        total = add(total, i) + keyword(i) + point[0] + point.total
        text = f"{i} {total!r}"
        made = Point(i, i)
        if text in {"1 2", "2 1"} or made.y == -1: break
        first, second = (i, total)
        total += [first, second][0]
    return total
"""


def specialised(code):
    """Names of the instructions in `code` and its constants as they are now; all of the archive is immortal."""
    found = [i.opname.replace("_MORTAL", "_IMMORTAL") for i in dis.get_instructions(code, adaptive=True)]
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            found += specialised(constant)
    return found


def versions_are_the_archives(code):
    """From 3.12 on, versions are those that the archive gave, all different."""
    import ctypes

    def walk(code):
        yield ctypes.c_uint32.from_address(id(code) + offset).value
        for constant in code.co_consts:
            if isinstance(constant, types.CodeType):
                yield from walk(constant)

    from dumping import load_dumper

    offset = load_dumper().layout_table()["PyCodeObject"]["co_version"]
    found = list(walk(code))
    assert len(set(found)) == len(found) > 5
    assert all(version > 0x8000_0000 for version in found), found


def main(path):
    """Stops at the first thing that is not as with plain code."""
    dumper = new_dumper()
    plain = fresh(SOURCE, "/root/running.py")
    add(dumper, "running", fresh(SOURCE, "/root/running.py"))
    finish(dumper, path)
    relocated = Archive(path).module("running", "/root/running.py")
    if sys.version_info >= (3, 12):
        versions_are_the_archives(relocated)

    outcomes = []
    for code in (plain, relocated):
        space = {}
        exec(code, space)
        outcomes.append(space["work"](500))
        exec("gone = work", space)
    assert outcomes[0] == outcomes[1]
    if sys.version_info >= (3, 11):
        assert specialised(plain) == specialised(relocated)
        assert specialised(plain) != specialised(fresh(SOURCE)), "nothing was specialised"

    seen = []
    function = space["work"]
    sys.settrace(lambda frame, event, _: seen.append((event, frame.f_lineno)) or (lambda *_: None))
    function(5)
    sys.settrace(None)
    assert ("call", 12) in seen
    if sys.version_info >= (3, 12):
        lines = []
        sys.monitoring.use_tool_id(3, "test")
        sys.monitoring.register_callback(3, sys.monitoring.events.LINE, lambda code, line: lines.append(line))
        sys.monitoring.set_local_events(3, function.__code__, sys.monitoring.events.LINE)
        function(5)
        sys.monitoring.set_local_events(3, function.__code__, 0)
        sys.monitoring.free_tool_id(3)
        assert 14 in lines
    assert function(500) == outcomes[0]

    assert weakref.ref(relocated)() is relocated
    assert not gc.is_tracked(relocated.co_consts)
    constants = relocated.co_consts
    for _ in range(3):
        held = [constants] * 1000
        gc.collect()
        del held
    assert relocated.replace(co_name="other").co_consts == relocated.co_consts
    # Out of reach of any number of references, but no longer the same when somebody holds one.
    assert 1 << 28 < sys.getrefcount(relocated) < (1 << 28) + 100
    assert sys.getrefcount(function.__code__) > 1 << 29
    try:
        exec(relocated, {"__builtins__": {}})
    except NameError as error:
        assert error.__traceback__.tb_next.tb_frame.f_code is relocated


if __name__ == "__main__":
    main(sys.argv[1])
