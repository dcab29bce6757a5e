"""Runs modules of CPython's test suite with `unittest` and writes the outcome of every test as JSON.

    record_outcomes.py OUTPUT MODULE...

    {"outcomes": {test id: ["ok" | "skipped: why" | "failed" | "error" | ...]}, "details": {test id: traceback},
     "seconds": 1.5, "imported": {module: kind of loader}, "status": what `glowplug.status()` says, or null}

`imported` is how things stand before the first test runs: tests import modules again and undo it. Where the process
dies before it has finished, OUTPUT holds one id a line, the last one being the test that killed it.
"""

import faulthandler
import json
import signal
import sys
import time
import traceback
import unittest
from unittest.util import strclass

# As `python -m test` has it: the folder of this program is not in the way of any import.
del sys.path[0]


class Recorder(unittest.TestResult):
    """Collects outcomes by test id; those of failed subtests stand under ids of their own."""

    def __init__(self, journal):
        super().__init__()
        self.journal = journal
        self.outcomes = {}
        self.details = {}

    def note(self, test, outcome, error=None):
        name = test.id() if hasattr(test, "id") else strclass(type(test))
        self.outcomes.setdefault(name, []).append(outcome)
        if error is not None:
            self.details[name] = "".join(traceback.format_exception(*error))

    def startTest(self, test):  # noqa: N802
        super().startTest(test)
        self.journal.write(test.id() + "\n")
        self.journal.flush()

    def addSuccess(self, test):  # noqa: N802
        self.note(test, "ok")

    def addFailure(self, test, err):  # noqa: N802
        self.note(test, "failed", err)

    def addError(self, test, err):  # noqa: N802
        self.note(test, f"error: {err[0].__name__}", err)

    def addSkip(self, test, reason):  # noqa: N802
        self.note(test, f"skipped: {reason}")

    def addExpectedFailure(self, test, err):  # noqa: N802
        self.note(test, "expected failure")

    def addUnexpectedSuccess(self, test):  # noqa: N802
        self.note(test, "unexpected success")

    def addSubTest(self, test, subtest, err):  # noqa: N802
        if err is not None:
            (self.addFailure if issubclass(err[0], test.failureException) else self.addError)(subtest, err)


def load(name):
    """The tests of a module; one that skips itself when it is imported counts as one skipped test."""
    try:
        return unittest.defaultTestLoader.loadTestsFromName(name)
    except unittest.SkipTest as why:
        skipped = unittest.skip(str(why))(lambda: None)
        return unittest.FunctionTestCase(skipped, description=name)


def run(suite, recorder, calls=10):
    """Runs the tests as deep in the stack as `test.libregrtest` does: test_tracemalloc counts the frames."""
    if calls > 0:
        run(suite, recorder, calls - 1)
    else:
        suite.run(recorder)


def loader_kinds():
    """By module that is imported under its own name: the class of its loader."""
    kinds = {}
    for name, module in sys.modules.items():
        spec = getattr(module, "__spec__", None)
        if getattr(spec, "name", None) == name and spec.loader is not None:
            kind = spec.loader if isinstance(spec.loader, type) else type(spec.loader)
            kinds[name] = kind.__name__
    return kinds


def main(output, *names):
    # What `test.libregrtest` sets up too: tests that need the network, much time or much memory are skipped.
    from test import support

    faulthandler.enable()
    # A shell that starts something in the background has it ignore SIGINT; tests that interrupt themselves would wait.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    support.use_resources = {} if sys.version_info >= (3, 15) else []
    suite = unittest.TestSuite(load(name) for name in names)
    imported = loader_kinds()
    with open(output, "w", encoding="utf-8", errors="backslashreplace") as journal:  # noqa: PTH123
        recorder = Recorder(journal)
        began = time.monotonic()
        run(suite, recorder)
        seconds = time.monotonic() - began
    loader = sys.modules.get("_glowplug")
    found = {
        "outcomes": recorder.outcomes,
        "details": recorder.details,
        "seconds": seconds,
        "imported": imported,
        "status": loader.status() if loader is not None else None,
    }
    with open(output, "w", encoding="utf-8", errors="backslashreplace") as file:  # noqa: PTH123
        json.dump(found, file, default=str)


if __name__ == "__main__":
    main(*sys.argv[1:])
