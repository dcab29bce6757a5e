"""The archives of real packages import, work, and serve every module that they can."""

import re

import processes
import pytest
from snapshots import PACKAGES

FROM_ARCHIVE = "glowplug.ArchiveLoader"
FROM_DISK = "_frozen_importlib_external.SourceFileLoader"

# Reasons for a module not to be in an archive; any other would have to be explained here first.
GOOD_REASONS = re.compile(
    r"made by the program itself, not by an import"
    r"|imported by a loader of its own, (?!_frozen_importlib)[\w.]+"
    r"|imported from a \.pyc file that has no source"
)

# What each function answers, as far as it is known beforehand.
ANSWERS = {
    "requests": lambda a: a["answer"] == {"method": "GET"} and a["url"] == "https://xn--exmple-cua.org/a%20b",
    "boto3": lambda a: a["host"].startswith("orchard.s3.") and a["operations"] > 90 and a["path"] == "/a/b%20c.txt",
    "pandas": lambda a: a["sums"] == {"apple": 1.75, "fig": 4.0, "pear": 2.0} and a["value"] == 10.375,
    "fastapi": lambda a: [a[kind]["statusCode"] for kind in ("good", "bad", "schema")] == [200, 422, 200],
    "sqlalchemy": lambda a: a["sums"] == [["old", 320.5], ["young", 90.25]] and a["first"] == "old",
    "powertools": lambda a: a["doubled"] == 42 and a["segments"] == ["## powertools_function.weigh"],
}

# What uses each package, as the benchmarks' sections have it.
STATEMENTS = {
    "requests": "import requests",
    "boto3": "import boto3; boto3.client('s3')",
    "pandas": "import pandas",
    "fastapi": "import fastapi, mangum",
    "sqlalchemy": "import sqlalchemy",
    "powertools": "from aws_lambda_powertools import Logger, Tracer, Metrics",
}

# What other Pythons than the newest are tested with, too.
ON_EACH = ("boto3", "pandas")

pytestmark = pytest.mark.parametrize(
    "package", [pytest.param(name, marks=() if name in ON_EACH else pytest.mark.newest) for name in PACKAGES]
)


@pytest.fixture(scope="module")
def starts(packages):
    """Each function invoked once from its archive, and its answer without."""
    known = {}

    def start(package):
        if package not in known:
            served = packages.invoke(package, archive=packages[package])
            known[package] = served, packages.invoke(package)
        return known[package]

    return start


def test_a_package_works_from_its_archive_without_a_word_on_stderr(package, starts):
    served, plain = starts(package)
    assert ANSWERS[package](plain["answer"])
    assert served["answer"] == plain["answer"]


def test_every_python_module_that_was_imported_came_from_the_archive(package, packages, starts):
    served, _ = starts(package)
    left_out = packages[package].left_out
    from_disk = [m["name"] for m in served["modules"] if m["loader"] == FROM_DISK and m["spec"] == m["name"]]
    assert [name for name in from_disk if name not in left_out] == []
    from_archive = [m["name"] for m in served["modules"] if m["loader"] == FROM_ARCHIVE and m["spec"] == m["name"]]
    assert len(from_archive) > 50
    assert served["status"]["rung"] == "code"
    assert served["status"]["modules"] >= len(from_archive)
    assert served["status"]["fallbacks"] == []


def test_the_same_modules_are_imported_as_without_an_archive(package, starts):
    served, plain = starts(package)
    own = ("_glowplug", "gc", "atexit")  # the loader's, and two built-in modules that it uses
    found = [{m["name"]: m["file"] for m in start["modules"] if m["name"] not in own} for start in (served, plain)]
    assert found[0] == found[1]


@pytest.mark.ends
def test_peak_memory_of_an_import_is_not_above_that_of_a_plain_one(package, packages):
    program = f"{STATEMENTS[package]}\nfor line in open('/proc/self/status'):\n    "
    program += "if line.startswith('VmHWM'):\n        print(line.split()[1])"

    def peak(archive=None):
        return int(processes.python("-c", program, archive=archive).silently().out)

    most = min(peak() for _ in range(3))
    # The least of three counts, so the first that is small enough decides.
    assert any(peak(packages[package]) <= most for _ in range(3)), f"three times above {most} kB"


def test_what_is_left_out_is_left_out_for_a_good_reason(package, packages):
    unexplained = {name: why for name, why in packages[package].left_out.items() if not GOOD_REASONS.match(why)}
    assert unexplained == {}


def test_expressions_and_compiled_texts_are_answered_from_the_archive(package, starts):
    status = starts(package)[0]["status"]
    assert status["regexes"] > 5
    assert status["texts"] > 0
    assert status["extensions"] > 0
