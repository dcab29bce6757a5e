"""Tests of CPython's suite whose outcome differs when the standard library is served from an archive, and why."""

import re
from dataclasses import dataclass

import suite


@dataclass(frozen=True)
class Difference:
    """Tests (a regular expression for their ids, those of subtests included), the Pythons, and the reason."""

    tests: str
    why: str
    pythons: tuple = ()

    def applies(self):
        return not self.pythons or suite.LABEL in self.pythons

    def matches(self, name):
        return self.applies() and re.fullmatch(self.tests, name, re.DOTALL) is not None


KNOWN = (
    Difference(
        r"test\.test_import\.SubinterpImportTests\.(test_isolated_config|test_python_compat)",
        "before it begins, the test looks up type(module.__spec__.loader) in a table that has SourceFileLoader but no "
        "subclass of it (test_import/__init__.py, MODULE_KINDS)",
        pythons=("3.12", "3.13", "3.14"),
    ),
    Difference(
        r"test\.test_import\.SubinterpImportTests\.test_single_init_extension_compat.*",
        "in a subprocess the test starts a sub-interpreter, in which Glowplug refuses to work and says so in a line on "
        "stderr, where the test wants nothing",
        pythons=("3.13", "3.14"),
    ),
    Difference(
        r"test\.test_pydoc(\.test_pydoc)?\.PydocImportTest\.test_importfile",
        "the test loads the file of a served module once more and compares the two specs, which are equal only if the "
        "loaders are of one class (FileLoader.__eq__); the second load is a plain one",
    ),
    Difference(
        r"test\.test_trace\.(TestCallers\.test_loop_caller_importing|TestFuncs\.test_inst_method_calling)",
        "trace.py looks for a method's class with gc.get_referrers, which does not see frozen objects, as those "
        "made by served imports are (GLOWPLUG_GC=off: no difference)",
    ),
    Difference(
        r"test\.test_module(\.__init__)?\.ModuleTests\.test_module_finalization_at_shutdown",
        "objects that an import made are frozen, hence not collected at exit but cleared with their module, later; the "
        "finalizers in the test's modules find names of theirs gone (GLOWPLUG_GC=off: no difference)",
    ),
    Difference(
        r"test\.test_dis\.\w+\.test_loop_quicken",
        "constants of an archive are immortal, so that LOAD_CONST becomes LOAD_CONST_IMMORTAL, where the test "
        "expects LOAD_CONST_MORTAL",
        pythons=("3.14",),
    ),
)


def reason(name):
    """Why the outcome of a test may differ, or None."""
    return next((known.why for known in KNOWN if known.matches(name)), None)
