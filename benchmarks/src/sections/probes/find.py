"""Finds modules and gets their code objects, without executing them.

Arguments: the kind of finder; a file with [(name, path to look in)]; `served` or `time`.
`served` prints the names that have code here; `time` prints the nanoseconds from before find_spec to the code
object, for all modules together. The garbage collector is off, so that its runs are not counted as finding.
"""

import gc
import sys
from time import perf_counter_ns

gc.disable()
kind, listing, what = sys.argv[1:4]

if kind == "plain":
    from _frozen_importlib_external import PathFinder

    finder = PathFinder
else:
    finder = sys.meta_path[0]
    expected = {"code-data-share": "CDSFinder", "glowplug code": "ArchiveFinder"}[kind]
    actual = getattr(finder, "__name__", type(finder).__name__)
    assert actual == expected, f"the first finder is {actual}"


def code_of(name, path):
    """The module's code object, as importlib comes to it; None if this finder has none."""
    spec = finder.find_spec(name, path)
    if spec is None:
        return None
    loader = spec.loader
    return loader.code if kind == "code-data-share" else loader.get_code(name)


with open(listing) as file:  # noqa: PTH123
    modules = eval(file.read())

if what == "served":
    for name, path in modules:
        if code_of(name, path) is not None:
            print(name)
else:
    kept = []
    begun = perf_counter_ns()
    for name, path in modules:
        kept.append(code_of(name, path))
    elapsed = perf_counter_ns() - begun
    assert all(kept), "a module was not found"
    print(elapsed)
