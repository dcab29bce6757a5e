"""An archived code object is the one that `marshal` would have loaded, in everything that can be seen of it."""

import json
import os

import pytest
from processes import python
from snapshots import PACKAGES, PROGRAMS

EACH = 1 if os.environ.get("GLOWPLUG_TESTS") == "all" else 40


@pytest.fixture
def compared(tmp_path):
    """Compares every module of an archive."""

    def compare(snapshot):
        manifest = tmp_path / "manifest.json"
        manifest.write_text(json.dumps(snapshot.manifest), encoding="utf-8")
        done = python(PROGRAMS / "compare_code.py", snapshot.file, manifest, str(EACH), timeout=600).silently()
        return json.loads(done.out)

    return compare


@pytest.mark.newest
@pytest.mark.parametrize("package", PACKAGES)
def test_every_module_of_a_package_equals_what_marshal_loads(package, packages, compared):
    snapshot = packages[package]
    result = compared(snapshot)
    assert result["differences"] == []
    assert result["compared"] == len(snapshot.modules) > 100


def test_every_module_of_the_standard_library_equals_what_marshal_loads(standard_library, compared):
    result = compared(standard_library)
    assert result["differences"] == []
    assert result["compared"] == len(standard_library.modules) > 200


def test_constants_and_functions_of_every_kind_equal_what_marshal_loads(stall, compared):
    result = compared(stall)
    assert result["differences"] == []
    assert {"orchard.constants", "orchard.long", "orchard.late", "orchard.rotten"} <= set(stall.modules)
