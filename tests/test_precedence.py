"""What is found first wins, with an archive as without."""

import pytest
from processes import plain_and_served, python, served
from snapshots import snapshot


@pytest.mark.parametrize("how", ["script", "command", "PYTHONPATH", "package", "bytecode"])
def test_a_module_in_an_earlier_place_wins_over_the_archive(how, standard_library, tmp_path):
    local = tmp_path / "colorsys.py"
    if how == "package":
        local = tmp_path / "colorsys" / "__init__.py"
        local.parent.mkdir()
    local.write_text("WHO = 'local'\n")
    if how == "bytecode":
        import py_compile

        py_compile.compile(str(local), cfile=str(local.with_suffix(".pyc")))
        local.unlink()
    program = "import colorsys, json; print(colorsys.WHO, type(json.__loader__).__name__)"
    arguments = ("-c", program)
    if how == "script":
        script = tmp_path / "script.py"
        script.write_text(program)
        arguments = (script,)
    elsewhere = tmp_path / "empty"
    elsewhere.mkdir()
    cwd, path = (elsewhere, tmp_path) if how in ("PYTHONPATH", "script") else (tmp_path, None)
    done = python(*arguments, cwd=cwd, archive=standard_library, PYTHONPATH=path if how == "PYTHONPATH" else None)
    assert done.silently().out == "local ArchiveLoader\n"


def test_a_folder_without_init_does_not_win_over_the_archive(standard_library, tmp_path):
    (tmp_path / "colorsys").mkdir()
    plain_and_served(standard_library, "-c", "import colorsys; print(colorsys.__file__)", cwd=tmp_path)


def test_a_module_written_by_the_program_wins_from_then_on(standard_library, tmp_path):
    program = "import json, pathlib, importlib; pathlib.Path('colorsys.py').write_text('WHO = 1'); "
    program += "importlib.invalidate_caches(); import colorsys; print(colorsys.WHO)"
    assert served(standard_library, program, cwd=tmp_path) == "1\n"


def test_a_change_of_the_working_directory_changes_what_is_found(standard_library, tmp_path):
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "colorsys.py").write_text("WHO = 'here'\n")
    program = "import json, os; os.chdir('here'); import colorsys; print(colorsys.WHO)"
    plain_and_served(standard_library, "-c", program, cwd=tmp_path)


def test_of_two_modules_of_one_name_the_one_that_is_first_now_is_imported(tmp_path):
    for place in ("one", "two"):
        (tmp_path / place).mkdir()
        (tmp_path / place / "twin.py").write_text(f"WHO = {place!r}\n")
        (tmp_path / place / f"only_{place}.py").write_text("")
    one, two = tmp_path / "one", tmp_path / "two"
    archive = snapshot(tmp_path / "a", "--import", "only_two,only_one,twin", PYTHONPATH=f"{one}:{two}")
    for path in (f"{one}:{two}", f"{two}:{one}", f"{two}", f"{one}"):
        plain_and_served(archive, "-c", "import twin; print(twin.WHO, twin.__file__)", PYTHONPATH=path)


def test_another_projects_module_of_the_same_name_is_not_taken_for_a_moved_one(stall, tmp_path):
    (tmp_path / "orchard").mkdir()
    (tmp_path / "orchard" / "__init__.py").write_text("WHO = 'another'\n")
    (tmp_path / "orchard" / "apples.py").write_text("WHO = 'another too'\n")
    (tmp_path / "stall.py").write_text("WHO = 'another stall'\n")
    program = "import stall, orchard.apples; print(stall.WHO, orchard.WHO, orchard.apples.WHO)"
    plain_and_served(stall, "-c", program, cwd=tmp_path)


def test_a_vendored_folder_put_first_is_served(stall):
    program = f"sys.path.insert(0, {str(stall.root / 'vendor')!r}); import walnut; print(came_from('walnut'))"
    assert served(stall, program, cwd=stall.root) == "ArchiveLoader\n"


def test_a_vendored_copy_of_an_archived_package_wins(stall, tmp_path):
    vendor = tmp_path / "vendor" / "orchard"
    vendor.mkdir(parents=True)
    (vendor / "__init__.py").write_text("WHO = 'vendored'\n")
    (vendor / "apples.py").write_text("WHO = 'vendored too'\n")
    program = f"import sys, json; sys.path.insert(0, {str(vendor.parent)!r}); "
    program += "import orchard.apples; print(orchard.WHO, orchard.apples.WHO)"
    done = plain_and_served(stall, "-c", program, cwd=stall.root)
    assert done.out == "vendored vendored too\n"


def test_a_finder_that_a_program_puts_first_is_asked_first(stall):
    program = """
import sys, importlib.abc, importlib.util
class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(self, name, path, target=None):
        return importlib.util.spec_from_loader(name, self) if name == "orchard" else None
    def exec_module(self, module):
        module.WHO = "finder"
sys.meta_path.insert(0, Finder())
import orchard
print(orchard.WHO)
"""
    plain_and_served(stall, "-c", program, cwd=stall.root)
