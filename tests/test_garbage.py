"""What a program made before a served import is collected as without an archive."""

import pytest
import snapshots
from glow_file import GlowFile
from processes import plain_and_served, python

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


@pytest.mark.ends
def test_a_function_that_leaves_garbage_needs_no_more_memory_at_its_peak_than_without_an_archive(packages):
    # A client of X-Ray that is made and dropped leaves 50,000 objects.
    archive = packages["powertools"]
    invoke = (snapshots.PROGRAMS / "invoke.py", packages.root, "powertools_function", packages.event("powertools"))
    program = "import runpy, sys; del sys.argv[0]; runpy.run_path(sys.argv[0])\n"
    program += "print([line.split()[1] for line in open('/proc/self/status') if line.startswith('VmHWM')][0])"

    def peak(**options):
        return int(python("-c", program, *invoke, **options).silently().out.splitlines()[-1])

    most = min(peak() for _ in range(2)) + 1024
    # The lesser of two counts, so the first decides if it is small enough.
    assert any(peak(archive=archive) <= most for _ in range(2))
    # So it is collected, and not by accident.
    assert any(peak(archive=archive, GLOWPLUG_GC="off") <= most for _ in range(2))


@pytest.mark.parametrize("many", [1_000, 30_000])
@pytest.mark.ends
def test_what_a_target_leaves_to_the_collector_stands_in_its_archive(many, stall_with):
    def leave(root):
        with (root / "stall.py").open("a") as file:
            file.write(f"\nfor _ in range({many}):\n    ring = []\n    ring.append(ring)\n")

    archive = stall_with(change=leave)
    garbage = GlowFile(archive.file).get("garbage")
    assert many <= garbage < many + 5_000
    program = (
        "import gc\nruns = []\ngc.callbacks.append(lambda phase, info: runs.append(info['collected']))\n"
        "import stall\nprint(sum(runs) >= 30_000, gc.get_threshold(), gc.isenabled())"
    )
    collected, *settings = python("-c", program, archive=archive, cwd=archive.root).silently().out.split()
    _, *plain = python("-c", program, cwd=archive.root).silently().out.split()
    assert (collected, settings) == (str(many >= 30_000), plain)


@pytest.mark.ends
def test_garbage_is_left_where_the_program_has_turned_the_collector_off(stall_with):
    def leave(root):
        with (root / "stall.py").open("a") as file:
            file.write("\nfor _ in range(30_000):\n    ring = []\n    ring.append(ring)\n")

    archive = stall_with(change=leave)
    program = (
        "import gc\ngc.disable()\nruns = []\ngc.callbacks.append(lambda phase, info: runs.append(phase))\n"
        "import stall\nprint(runs, gc.isenabled())"
    )
    assert plain_and_served(archive, "-c", program, cwd=archive.root).out == "[] False\n"
