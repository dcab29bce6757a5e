"""What lasts as long as the process is made immortal, and nothing is broken on the way."""

import subprocess
import sys
from pathlib import Path

PROGRAM = """
import asyncio, sys
sys.path.insert(0, sys.argv[1])
from dumping import load_dumper
dumper = load_dumper()
loop = asyncio.new_event_loop()

def iterators():
    return [iter(loop.create_future()) for _ in range(30)]

# Freed, they lie on a list of _asyncio's.
iterators()
made = dumper.immortalize()
assert (made > 1000) == (sys.version_info >= (3, 12)), made
kept = iterators()
assert len({id(each) for each in kept}) == 30
"""


def test_free_objects_of_asyncio_stay_free():
    """In CPython 3.12.1 looking at what `_asyncio` refers to breaks its list of free objects (gh-122695)."""
    command = [sys.executable, "-c", PROGRAM, Path(__file__).parent]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
