"""Running a program up to its snapshot point."""

# ruff: noqa: PTH123, SIM105 (pathlib and contextlib must not be imported before the target imports them)

import sys


class AtSnapshotPointError(BaseException):
    """The program has come to its snapshot point."""


def prepare(folder):
    """Imports the package that programs call, from the payload, and the start script's functions."""
    sys.path.insert(0, folder)
    import glowplug.point

    del sys.path[0]
    return glowplug.point


def stop():
    raise AtSnapshotPointError


def run(spec, folder):
    """Runs the program that `spec` names; returns at its snapshot point, or at its end if it has none."""
    start = type(sys)("glowplug_start")
    with open(f"{folder}/start.py", "rb") as file:
        exec(compile(file.read(), file.name, "exec"), start.__dict__)
    sys.modules["glowplug.point"].take = stop
    sys.argv[:] = ["start.py", "--", *spec["program"]]
    sys.orig_argv[:] = [sys.orig_argv[0], "start.py", "--", *spec["program"]]
    _, kind, what = start.take_off()
    function, arguments = start.program(kind, what, not (sys.flags.isolated or getattr(sys.flags, "safe_path", False)))
    try:
        function(*arguments)
    except AtSnapshotPointError:
        pass
