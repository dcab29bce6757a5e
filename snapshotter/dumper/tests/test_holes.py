"""Holes are filled: what is allocated afterwards lies together."""

import os
import subprocess
import sys
from pathlib import Path

PROGRAM = """
import sys
sys.path.insert(0, sys.argv[1])
from dumping import load_dumper
dumper = load_dumper()
def made(count):
    return [[object() for _ in range(count)], [bytes(180) for _ in range(count)], [bytes(800) for _ in range(count)]]
kept = [[each for number, each in enumerate(several) if number % 8] for several in made(50_000)]
if sys.argv[2] == "filled":
    python, heap = dumper.fill_holes()
    assert python > 100_000 and heap > 100_000, (python, heap)
    assert sum(dumper.fill_holes()) < (python + heap) / 10
print([len({id(each) >> 12 for each in several}) for several in made(2000)])
"""


def pages(what):
    environment = {**os.environ, "PYTHONMALLOC": "pymalloc"}
    command = [sys.executable, "-c", PROGRAM, Path(__file__).parent, what]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return eval(done.stdout)


def test_what_is_allocated_afterwards_lies_together():
    before, after = pages("as it is"), pages("filled")
    small = [2000 * size / 4096 for size in (16, 224, 848)]
    assert all(count <= 1.3 * least + 8 for count, least in zip(after, small, strict=True)), (before, after)
    assert sum(before) > 2 * sum(after)


def test_another_allocator_of_python_is_left_alone():
    environment = {**os.environ, "PYTHONMALLOC": "malloc"}
    program = PROGRAM.replace("python > 100_000 and", "python == 0 and")
    command = [sys.executable, "-c", program, Path(__file__).parent, "filled"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
