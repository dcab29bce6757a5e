"""Running a program up to its snapshot point, or for some time beyond."""

# ruff: noqa: PTH123 (pathlib must not be imported before the target imports it)

import sys


class SeenEnoughError(BaseException):
    """The program has come to its snapshot point, or its time beyond that is over."""


def prepare(folder):
    """Imports the package that programs call, from the payload, and the start script's functions."""
    sys.path.insert(0, folder)
    import glowplug.point

    del sys.path[0]
    return glowplug.point


def stop(*_):
    raise SeenEnoughError


class Point:
    """The program's snapshot point, and for how many seconds it goes on beyond, if at all."""

    def __init__(self, seconds):
        self.seconds = seconds
        self.passed = False

    def reach(self):
        import _signal  # built in: nothing is read for it

        if not self.seconds:
            stop()
        if not self.passed:
            self.passed = True
            _signal.signal(_signal.SIGALRM, stop)
            # Again and again, as the program may catch what is raised.
            _signal.setitimer(_signal.ITIMER_REAL, self.seconds, 1)

    def ended(self, error):
        """The program has ended. Beyond the point it may end as it likes: what it imported until then is known."""
        import _signal

        if self.passed:
            _signal.setitimer(_signal.ITIMER_REAL, 0)
            if not isinstance(error, (SeenEnoughError, SystemExit, type(None))):
                name = f"{type(error).__name__}: {error}"
                print(f"glowplug: beyond its snapshot point the program ended with {name}", file=sys.stderr)
        elif not isinstance(error, (SeenEnoughError, type(None))):
            raise error


def run(spec, folder):
    """Runs the program that `spec` names; returns at its snapshot point, or at its end if it has none.

    With `run_on` it goes on beyond, for so many seconds.
    """
    start = type(sys)("glowplug_start")
    with open(f"{folder}/start.py", "rb") as file:
        exec(compile(file.read(), file.name, "exec"), start.__dict__)
    point = Point(spec["run_on"])
    sys.modules["glowplug.point"].take = point.reach
    sys.argv[:] = ["start.py", "--", *spec["program"]]
    sys.orig_argv[:] = [sys.orig_argv[0], "start.py", "--", *spec["program"]]
    _, kind, what = start.take_off()
    function, arguments = start.program(kind, what, not (sys.flags.isolated or getattr(sys.flags, "safe_path", False)))
    error = None
    try:
        function(*arguments)
    except BaseException as raised:
        error = raised
    point.ended(error)
