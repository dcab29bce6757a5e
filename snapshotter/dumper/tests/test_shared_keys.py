"""Classes of which an invocation makes objects are as if they had made more: their tables are not written to again."""

import subprocess
import sys
from pathlib import Path

PROGRAM = """
import sys
sys.path.insert(0, sys.argv[1])
from dumping import load_dumper
dumper = load_dumper()

class Made:
    def __init__(self):
        self.first, self.second = 1, 2

class Unused(Made):
    pass

class Slotted:
    __slots__ = ("value",)

before, unused = Made(), Unused()
noted = dumper.note_shared_keys()
Made(), Slotted()
settled = dumper.settle_shared_keys(noted)
assert settled == (sys.version_info >= (3, 12)), settled
# Nothing is left to do.
assert dumper.settle_shared_keys(noted) == 0
things = [Made() for _ in range(100)]
assert dumper.settle_shared_keys(noted) == 0
for number, thing in enumerate([before, unused, *things]):
    for name in ("third", "fourth", "fifth"):
        setattr(thing, f"{name}_{number % 7}", number)
    assert (thing.first, thing.second) == (1, 2)
    names = [f"{name}_{number % 7}" for name in ("third", "fourth", "fifth")]
    assert vars(thing) == {"first": 1, "second": 2, **dict.fromkeys(names, number)}, vars(thing)
    del thing.first
    assert not hasattr(thing, "first")
after = Made()
assert vars(after) == {"first": 1, "second": 2}
"""


def test_tables_of_names_are_settled_and_classes_work_as_ever():
    command = [sys.executable, "-c", PROGRAM, Path(__file__).parent]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
