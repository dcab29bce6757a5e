"""Every way in which Python is started, with an archive as without."""

import sys
from pathlib import Path

import pytest
from processes import ANSWER, CAME_FROM, PYTHON, glowplug, plain_and_served, python, served
from snapshots import snapshot


@pytest.mark.parametrize(
    "arguments",
    [
        ("-m", "orchard", "one", "two"),
        ("-m", "stall"),
        ("-m", "orchard.apples"),
        ("-m", "orchard.rotten"),
        ("-m", "orchard.nowhere"),
        ("-m", "json.tool", "--help"),
        (".",),
        ("stall.py",),
        ("orchard/rotten.py",),
        ("-X", "dev", "-c", ANSWER),
        ("-X", "utf8", "-c", ANSWER),
        ("-W", "error", "-c", ANSWER),
        ("-B", "-c", ANSWER),
        ("-s", "-E", "-c", ANSWER),
        ("-c", "import sys; print(sys.argv, sys.path[0], sys.flags)", "x"),
        ("-i", "-c", "import orchard.apples"),
        ("-v", "--version"),
    ],
    ids=" ".join,
)
def test_a_command_line_does_what_it_does_without_an_archive(arguments, stall):
    plain_and_served(stall, *arguments, cwd=stall.root)


def test_isolated_mode_starts_from_the_archive(stall):
    program = f"sys.path.insert(0, {str(stall.root)!r}); {ANSWER}; print(came_from('orchard.apples'))"
    assert served(stall, program, "-I").endswith("ArchiveLoader\n")


def test_without_site_there_is_no_archive_and_no_complaint(stall):
    program = f"import sys; print('_glowplug' in sys.modules); {ANSWER}"
    done = python("-S", "-c", program, cwd=stall.root, archive=stall, GLOWPLUG_STRICT=1).silently()
    assert done.out.startswith("False\n")


def test_glowplug_run_starts_from_the_archive_without_site(stall):
    program = f"{CAME_FROM}{ANSWER}; print(came_from('orchard.apples'))"
    done = glowplug("run", "--archive", stall, "--", PYTHON, "-S", "-c", program, cwd=stall.root, GLOWPLUG_STRICT=1)
    assert done.silently().out.endswith("ArchiveLoader\n")


def names_in_importtime(err):
    return {line.rpartition("|")[2].strip() for line in err.splitlines() if line.startswith("import time:")}


def test_importtime_names_the_same_modules(stall):
    done = [python("-X", "importtime", "-c", ANSWER, cwd=stall.root, archive=archive) for archive in (None, stall)]
    plain, with_archive = (names_in_importtime(each.succeeded().err) for each in done)
    assert done[0].out == done[1].out
    assert "orchard.apples" in plain
    assert plain - with_archive == set()
    assert with_archive - plain <= {"_glowplug", "gc", "atexit"}  # the two are built-in modules


def test_another_optimisation_level_falls_back_to_plain_import(stall):
    plain = python("-O", "-c", ANSWER, cwd=stall.root).silently()
    done = python("-O", "-c", ANSWER, cwd=stall.root, archive=stall).succeeded()
    assert done.out == plain.out
    (line,) = done.err.splitlines()
    assert line.startswith("glowplug: ")
    assert "optimisation level 0, running at 1" in line
    assert python("-OO", "-c", ANSWER, cwd=stall.root, archive=stall, GLOWPLUG_STRICT=1).status != 0


def test_an_archive_of_the_other_optimisation_level_is_used_with_it(stall_with):
    archive = stall_with("--optimize", "1")
    program = CAME_FROM + "import orchard.apples; assert False; print(came_from('orchard.apples'), __debug__)"
    program += "; print(sys.modules['orchard.apples'].__cached__.rpartition('/')[2])"
    done = python("-O", "-c", program, cwd=archive.root, archive=archive, GLOWPLUG_STRICT=1).silently()
    tag = sys.implementation.cache_tag
    assert done.out == f"ArchiveLoader False\napples.{tag}.opt-1.pyc\n"


def test_the_archive_of_an_interpreter_serves_its_virtual_environments(tmp_path):
    base = Path(sys.base_prefix, "bin", f"python{sys.version_info[0]}.{sys.version_info[1]}")
    if not base.exists():
        pytest.skip("the interpreter is not where its prefix says")
    archive = snapshot(tmp_path, "--import", "colorsys,json,email.message", executable=base)
    program = "import colorsys, email.message; print(came_from('colorsys'), came_from('email.message'))"
    assert served(archive, program) == "ArchiveLoader ArchiveLoader\n"


def test_a_virtual_environments_archive_serves_another_one(stall, tmp_path):
    other = tmp_path / "other"
    python("-m", "venv", "--without-pip", other).succeeded()
    program = f"{CAME_FROM}import glowplug; print(glowplug.activate({str(stall)!r})); {ANSWER}"
    program += "; print(came_from('orchard.apples'), came_from('json'))"
    packages = next(Path(sys.prefix).glob("lib*/python*/site-packages"))
    done = python("-c", program, executable=other / "bin" / "python", cwd=stall.root,
                  PYTHONPATH=packages, GLOWPLUG_STRICT=1)  # fmt: skip
    lines = done.silently().out.splitlines()
    assert lines[0] == "True"
    assert lines[-1].startswith("ArchiveLoader ")
