"""`glowplug run`."""

import os
import sys

import pytest
from processes import ANSWER, PYTHON, glowplug, python, same
from snapshots import snapshot

# The command is one for all Pythons, and every other test builds its archives with it.
pytestmark = pytest.mark.once


SELF = """
import sys, os
main = sys.modules["__main__"]
print(sys.argv, sys.orig_argv[1:] == sys.orig_argv[-len(sys.orig_argv) + 1:], sys.path, sys.flags, sys.warnoptions)
print(sorted(vars(main)), main.__name__, main.__doc__, main.__package__, main.__spec__ and main.__spec__.name)
print(type(main.__loader__).__name__, getattr(main.__loader__, "__name__", None))
print(getattr(main, "__file__", None), getattr(main, "__cached__", "-"), main.__builtins__, main.__dict__ is globals())
print(sys.executable, sys.prefix, os.getcwd(), sys._getframe().f_code.co_filename)
print(getattr(main, "__annotations__", "-"), __name__ == "__main__")
"""

PROGRAM_LINES = {
    "-c": ("-c", SELF, "one", "-two"),
    "-c in a cluster": ("-BEc", SELF),
    "-m": ("-m", "look", "one"),
    "-m of a package": ("-m", "package", "one"),
    "script": ("look.py", "one", "--two=3"),
    "script with a path": ("./sub/../look.py",),
    "linked script": ("link.py",),
    "absolute script": ("{folder}/look.py",),
    "directory": ("package",),
    "-I": ("-I", "look.py"),
    "-I -c": ("-I", "-c", SELF),
    "-X dev -W": ("-X", "dev", "-W", "error::UserWarning", "-c", SELF),
    "fails": ("-c", "def f():\n    1 / 0\nf()"),
    "script fails": ("failing.py",),
    "-m fails": ("-m", "failing"),
    "does not compile": ("-c", "x = = 1"),
    "script does not compile": ("wrong.py",),
    "no such script": ("nowhere.py",),
    "no such module": ("-m", "nowhere"),
    "exit status": ("-c", "import sys; sys.exit(7)"),
    "exit text": ("-c", "import sys; sys.exit('why')"),
    "stdin": ("-c", "import sys; print(sys.stdin.read())"),
    "excepthook": ("-c", "import sys; sys.excepthook = lambda *a: print('hook', a[0], a[1]); 1 / 0"),
    "annotations": ("-c", "x: int = 1\nprint(__annotations__)"),
    "last exception": ("-i", "-c", "1 / 0"),
    "atexit": ("-c", "import atexit; atexit.register(print, 'bye'); raise KeyError(1)"),
    "chained": ("-c", "try:\n    1 / 0\nexcept ZeroDivisionError as e:\n    raise KeyError(2) from e"),
    "keyboard interrupt": ("-c", "raise KeyboardInterrupt"),
    "future": ("-c", "def f(x: y): pass\nprint(f.__annotations__ if 0 else 1)"),
    "pickle of main": ("picklable.py",),
    "inspect main": ("-c", "import inspect; print(inspect.currentframe().f_lineno, inspect.stack()[0][1:4])"),
    "question": ("--version",),
    "from stdin": ("-", "x"),
}  # fmt: skip


@pytest.fixture
def programs(tmp_path, write):
    """A folder of programs."""
    write("look.py", '"""Doc."""\n' + SELF)
    write("package/__main__.py", SELF)
    write("package/__init__.py", "")
    write("failing.py", "import json\n\n\ndef fail():\n    json.loads('{')\n\n\nfail()\n")
    write("wrong.py", "x = 1\ny = = 2\n")
    (tmp_path / "sub").mkdir()
    (tmp_path / "link.py").symlink_to("package/__main__.py")
    write(
        "picklable.py",
        "import pickle\nclass C:\n    x = 1\nprint(pickle.loads(pickle.dumps(C())).x, pickle.dumps(C)[:20])\n",
    )
    return tmp_path


@pytest.mark.parametrize("line", PROGRAM_LINES)
def test_run_shows_a_program_what_plain_python_shows_it(line, programs, stall):
    arguments = [part.replace("{folder}", str(programs)) for part in PROGRAM_LINES[line]]
    options = {"cwd": programs, "stdin": "print('typed')\n"}
    plain = python(*arguments, **options)
    done = glowplug("run", "--archive", stall, "--", PYTHON, *arguments, GLOWPLUG_STRICT=1, **options)
    same(done, plain)


@pytest.mark.parametrize("line", ["-c", "-m", "script", "directory"])
def test_run_gives_the_original_command_line_but_for_nothing(line, programs, stall):
    write_argv = "import sys; print(sys.orig_argv)"
    for file in ("look.py", "package/__main__.py"):
        (programs / file).write_text(write_argv)
    arguments = [write_argv if part == SELF else part for part in PROGRAM_LINES[line]]
    plain = python(*arguments, cwd=programs)
    done = glowplug("run", "--archive", stall, "--", PYTHON, *arguments, cwd=programs)
    same(done, plain)


def test_run_starts_from_the_archive_where_the_wheel_is_not_installed(stall, tmp_path):
    bare = tmp_path / "bare"
    python("-m", "venv", "--without-pip", bare).succeeded()
    program = f"{ANSWER}; import sys; print(type(sys.modules['orchard.apples'].__loader__).__name__)"
    done = glowplug("run", "--archive", stall, "--", bare / "bin" / "python", "-c", program, cwd=stall.root,
                    GLOWPLUG_STRICT=1)  # fmt: skip
    assert done.silently().out.endswith("ArchiveLoader\n")


def test_run_takes_the_fitting_archive_of_a_directory(stall):
    program = "import stall; print(type(stall.__loader__).__name__)"
    folder = stall.file.parent
    for name in folder.glob("*.glow"):
        if name != stall.file:
            folder = None
    arguments = ("--archive-dir", folder) if folder else ("--archive", stall)
    done = glowplug("run", *arguments, "--", PYTHON, "-c", program, cwd=stall.root, GLOWPLUG_STRICT=1)
    assert done.silently().out == "ArchiveLoader\n"


def test_run_takes_the_archive_of_this_directory_without_being_told(function, tmp_path):
    snapshot(function, "stall.handler", root=function)
    program = "import stall; print(type(stall.__loader__).__name__)"
    done = glowplug("run", "--", PYTHON, "-c", program, cwd=function, GLOWPLUG_STRICT=1)
    assert done.silently().out == "ArchiveLoader\n"


def test_run_finds_python_by_its_name(stall):
    path = f"{PYTHON.parent}:{os.environ['PATH']}"
    done = glowplug("run", "--archive", stall, "--", "python", "-c", "import sys; print(sys.prefix)", PATH=path)
    assert done.silently().out == f"{sys.prefix}\n"


@pytest.mark.parametrize(
    ("mode", "loader"), [("auto", "ArchiveLoader"), ("code", "ArchiveLoader"), ("off", "SourceFileLoader")]
)
def test_run_has_modes(mode, loader, stall):
    program = "import stall; print(type(stall.__loader__).__name__)"
    done = glowplug("run", "--archive", stall, "--mode", mode, "--", PYTHON, "-c", program, cwd=stall.root)
    assert done.silently().out == f"{loader}\n"


def test_run_with_a_bad_archive_says_one_line_and_starts_the_plain_way(stall, tmp_path):
    missing = tmp_path / "missing.glow"
    done = glowplug("run", "--archive", missing, "--", PYTHON, "-c", ANSWER, cwd=stall.root).succeeded()
    assert "'price': 5.0" in done.out
    (line,) = done.err.splitlines()
    assert str(missing) in line
    strict = glowplug("run", "--archive", missing, "--", PYTHON, "-c", ANSWER, cwd=stall.root, GLOWPLUG_STRICT=1)
    assert (strict.status, strict.out) == (1, "")


def test_run_names_where_the_function_is_now(function, tmp_path):
    archive = snapshot(tmp_path / "out", "stall.handler", root=function)
    new = function.rename(tmp_path / "moved")
    program = f"import sys; sys.path.append({str(new)!r}); import stall; print(type(stall.__loader__).__name__)"
    done = glowplug("run", "--archive", archive, "--root", new, "--", PYTHON, "-c", program)
    assert done.silently().out == "ArchiveLoader\n"


def test_run_runs_scripts_that_name_python_in_their_first_line(stall, tmp_path):
    script = tmp_path / "tool"
    script.write_text(f"#!{PYTHON}\nimport sys, json\nprint(sys.argv, type(json.__loader__).__name__)\n")
    script.chmod(0o755)
    done = glowplug("run", "--archive", stall, "--", script, "x", GLOWPLUG_STRICT=1).silently()
    assert done.out == f"['{script}', 'x'] ArchiveLoader\n"


def test_run_of_what_is_not_there_says_so():
    done = glowplug("run", "--", "no-such-program")
    assert done.status in (1, 127)
    assert "no-such-program" in done.err


def test_children_of_a_run_program_start_from_the_archive_too(stall):
    program = "import subprocess, sys; subprocess.run([sys.executable, '-c', sys.argv[1]], check=True)"
    child = "import stall; print(type(stall.__loader__).__name__)"
    done = glowplug("run", "--archive", stall, "--", PYTHON, "-c", program, child, cwd=stall.root, GLOWPLUG_STRICT=1)
    assert done.silently().out == "ArchiveLoader\n"
