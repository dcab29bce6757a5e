"""The end of a process that used an archive."""

import pytest
from processes import plain_and_served

# Each has the interpreter intern a string of the archive that was not interned when its module was compiled.
INTERNING = {
    "sys.intern": "import sys; sys.intern(text)",
    "compile": "compile('1', text, 'eval')",
    "setattr": "setattr(orchard.apples.Apple, text, 1)",
    "a code object's name": "(lambda: 0).__code__.replace(co_name=text)",
    "a code object's names": "(lambda: 0).__code__.replace(co_names=(text,))",
}


@pytest.mark.parametrize("way", INTERNING)
@pytest.mark.parametrize("allocator", ["default", "malloc", "debug"])
def test_a_string_of_the_archive_that_the_program_interned_is_not_freed_at_exit(way, allocator, stall):
    program = f"import orchard.apples\ntext = orchard.apples.__doc__\nprint(len(text))\n{INTERNING[way]}"
    done = plain_and_served(stall, "-c", program, cwd=stall.root, PYTHONMALLOC=allocator)
    assert done.status == 0


def test_objects_of_main_are_finalized_while_their_modules_are_whole(stall):
    """The finalizer of an object in a cycle with `__main__` runs before the names that it uses are gone."""
    program = """
import orchard.apples
class Kept:
    def __del__(self):
        print("gone", orchard.apples.price(2))
kept = Kept()
"""
    assert plain_and_served(stall, "-c", program, cwd=stall.root).out.startswith("gone")
