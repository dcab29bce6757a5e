"""Trees that were moved, virtual environments, paths that are not ASCII, sources that were stripped."""

import os
import shutil

import pytest
from processes import ANSWER, plain_and_served, python, served
from snapshots import copy_of, snapshot


def moved(archive, destination):
    """The function's directory put elsewhere, the old one gone."""
    shutil.move(archive.root, destination)
    return destination


def test_a_moved_package_tree_is_served_from_its_new_place(stall_with, tmp_path):
    archive = stall_with()
    old = archive.root
    new = moved(archive, tmp_path / "else" / "where")
    program = ANSWER + "\nfor n in ('orchard', 'orchard.apples', 'orchard.pears.conference', 'meadow.grass', 'walnut'):"
    program += "\n    print(came_from(n), sys.modules[n].__file__, sys.modules[n].__cached__)"
    lines = served(archive, program, cwd=new).splitlines()
    assert len(lines) == 6
    for line in lines[1:]:
        assert line.startswith(f"ArchiveLoader {new}/")
        assert str(old) not in line


def test_a_moved_tree_gives_the_tracebacks_of_its_new_place(stall_with, tmp_path):
    archive = stall_with()
    new = moved(archive, tmp_path / "moved")
    done = plain_and_served(archive, "-c", "import orchard.apples; orchard.apples.fail()", cwd=new)
    assert f'{new}/orchard/apples.py", line' in done.err


def test_a_tree_in_two_places_is_served_from_the_one_that_is_first(stall_with, tmp_path):
    archive = stall_with()
    copy = shutil.copytree(archive.root, tmp_path / "copy")
    program = "import orchard.apples; print(orchard.apples.__file__)"
    for first, second in ((copy, archive.root), (archive.root, copy)):
        done = python("-c", program, archive=archive, PYTHONPATH=f"{first}:{second}", cwd=tmp_path).silently()
        assert done.out == f"{first}/orchard/apples.py\n"


def test_glowplug_root_names_the_place_of_the_function(stall_with, tmp_path):
    archive = stall_with()
    new = moved(archive, tmp_path / "task")
    program = f"sys.path.append({str(new)!r}); import orchard.apples; print(came_from('orchard.apples'))"
    assert served(archive, program, GLOWPLUG_ROOT=new) == "ArchiveLoader\n"


def test_paths_need_not_be_ascii(tmp_path):
    root = copy_of("stall", tmp_path / "Obstgärten 木 🍐" / "fônction")
    archive = snapshot(tmp_path / "árchivo", "stall.handler", "--name", "ünï", root=root)
    done = plain_and_served(archive, "-c", ANSWER, cwd=root)
    assert "grüne" in done.out
    program = "import orchard.pears; print(came_from('orchard.pears.grün'), came_from('orchard.pears'))"
    assert served(archive, program, cwd=root) == "ArchiveLoader ArchiveLoader\n"
    failing = "import orchard.apples; orchard.apples.fail()"
    assert "🍐" in plain_and_served(archive, "-c", failing, cwd=root).err


def test_a_path_that_is_not_utf_8_is_imported_the_plain_way(tmp_path):
    root = copy_of("stall", os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9"))
    archive = snapshot(tmp_path / "archives", "--import", "orchard.apples", "--name", "latin", PYTHONPATH=root)
    assert "orchard.apples" in archive.left_out
    plain_and_served(archive, "-c", "import orchard.apples; print(orchard.apples.price(1))", cwd=root)


@pytest.fixture(scope="module")
def stripped(tmp_path_factory):
    """An unchecked archive of a function whose `.py` files a packager removed, but for the handler's."""
    folder = tmp_path_factory.mktemp("stripped")
    options = ("stall.handler", "--event", "empty", "--validate", "unchecked")
    archive = snapshot(folder / "archive", *options, root=copy_of("stall", folder / "function"))
    failing = "import orchard.apples; orchard.apples.fail()"
    archive.traceback = python("-c", failing, cwd=archive.root).err
    for file in archive.root.rglob("*.py"):
        if file.name != "stall.py":
            file.unlink()
    for folder in list(archive.root.rglob("__pycache__")):
        shutil.rmtree(folder)
    return archive


def test_stripped_sources_are_not_needed(stripped):
    assert python("-c", ANSWER, cwd=stripped.root).status == 1
    assert "'price': 5.0" in served(stripped, ANSWER, cwd=stripped.root)


def test_stripped_sources_stand_in_tracebacks(stripped):
    done = python("-c", "import orchard.apples; orchard.apples.fail()", cwd=stripped.root, archive=stripped)
    assert "# the traceback shows this line" in stripped.traceback
    # The interpreter's own printer reads files only; `traceback` and what uses it go through linecache.
    program = (
        "import orchard.apples, traceback\ntry:\n    orchard.apples.fail()\nexcept KeyError:\n    traceback.print_exc()"
    )
    done = python("-c", program, cwd=stripped.root, archive=stripped, GLOWPLUG_STRICT=1).succeeded()
    assert "# the traceback shows this line" in done.err
    assert "return fail(depth - 1)" in done.err


def test_stripped_sources_are_found_by_inspect(stripped):
    program = "import inspect, linecache, orchard.apples as a; print(inspect.getsource(a.price)); "
    program += "print(inspect.getsource(a)[:30]); print(linecache.getlines(a.__file__)[0]); "
    program += "print(a.__loader__.get_source(a.__name__)[:20]); print(a.__loader__.get_data(a.__file__)[:20])"
    out = served(stripped, program, cwd=stripped.root)
    assert "def price(kilos, per_kilo=2.5):\n    return kilos * per_kilo" in out
    assert out.count("Expressions") == 4


def test_an_interactive_traceback_of_stripped_sources_is_like_the_plain_one_but_for_the_lines(stripped):
    done = python("-c", "import orchard.apples; orchard.apples.fail()", cwd=stripped.root, archive=stripped)
    frames = [line for line in stripped.traceback.splitlines() if line.startswith('  File "')]
    assert [line for line in done.err.splitlines() if line.startswith('  File "')] == frames
