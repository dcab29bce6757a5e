"""What a program made before a served import is collected as without an archive."""

import pytest
from processes import plain_and_served

MAKE = """
import gc, weakref
gc.disable()
class Node:
    pass
def garbage():
    node = Node()
    node.itself = node
    return weakref.ref(node)
"""


@pytest.mark.parametrize("many", [1, 30_000])
def test_garbage_from_before_an_import_is_collected_after_it(many, stall):
    program = f"{MAKE}found = [garbage() for _ in range({many})]\nimport orchard.apples\n"
    program += "gc.collect()\nprint(sum(ref() is not None for ref in found))"
    assert plain_and_served(stall, "-c", program, cwd=stall.root).out == "0\n"


def test_garbage_between_two_imports_is_collected_after_both(stall):
    program = f"{MAKE}import orchard.apples\nfound = garbage()\nimport orchard.pears\ngc.collect()\nprint(found())"
    assert plain_and_served(stall, "-c", program, cwd=stall.root).out == "None\n"
