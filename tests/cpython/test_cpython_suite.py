"""CPython's own tests have the same outcomes when the standard library comes from an archive.

By default the modules that issue 2 names, with the short ones of test_asyncio. With GLOWPLUG_CPYTHON_TESTS=all
(`make cpython-tests`) many more, which takes some ten minutes for each Python.
"""

import comparison
import known_differences
import processes
import pytest
import suite

pytestmark = pytest.mark.skipif(suite.test_package() is None, reason="this Python has no complete `test` package")

FROM_ARCHIVE = "ArchiveLoader"
FROM_DISK = "SourceFileLoader"

# Modules that the tests of a group import twice even before the first test runs
# (`test.test_importlib.util.import_importlib`): an archive serves each module once.
IMPORTED_TWICE = {"test_importlib": {"importlib.abc"}}


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    """The whole standard library with the tests, as one archive."""
    return suite.archive(tmp_path_factory.mktemp("cpython") / "archive")


@pytest.fixture(scope="module")
def compared(archive, tmp_path_factory):
    """The comparison of a group of test modules, made when it is first asked for."""
    known = {}

    def compare(group):
        if group not in known:
            folder = tmp_path_factory.mktemp(group)
            is_known = known_differences.reason
            known[group] = comparison.compare(suite.groups()[group], folder, archive, is_known)
        return known[group]

    return compare


@pytest.mark.parametrize("group", suite.groups())
def test_the_outcomes_of_cpythons_tests_are_the_plain_ones(group, compared):
    result = compared(group)
    assert len(result.plain[0].outcomes) > 1, result.plain[0].finished.err
    unexplained = [name for name in result.differing() if known_differences.reason(name) is None]
    assert not unexplained, "\n\n".join(result.describe(name) for name in unexplained)


@pytest.mark.parametrize("group", suite.groups())
def test_what_the_tests_import_comes_from_the_archive(group, archive, compared):
    result = compared(group)
    served, plain = result.served[0], result.plain[0]
    assert served.status is not None, served.finished.err
    assert (served.status["rung"], served.status["fallbacks"]) == ("code", [])
    from_archive = served.imported_by(FROM_ARCHIVE)
    from_disk = served.imported_by(FROM_DISK)
    assert from_archive | from_disk == plain.imported_by(FROM_DISK)
    assert from_disk & set(archive.modules) <= imported_before_activation() | IMPORTED_TWICE.get(group, set())
    assert served.status["modules"] >= len(from_archive) > 50


def imported_before_activation():
    """Modules that the interpreter has imported already when `site` reads the `.pth` file."""
    program = "import sys; print(*(n for n, m in sys.modules.items() if getattr(m, '__file__', '')))"
    return set(processes.python("-c", program).silently().out.split())
