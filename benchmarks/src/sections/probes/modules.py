"""Runs a statement, then prints the source modules it imported, one a line: name, tab, path to look in."""

import sys
from importlib.machinery import SourceFileLoader

before = set(sys.modules)
exec(sys.argv[1], {"__name__": "__main__"})

for name, module in list(sys.modules.items()):
    spec = getattr(module, "__spec__", None)
    if name in before or type(getattr(spec, "loader", None)) is not SourceFileLoader or spec.name != name:
        continue
    parent = sys.modules.get(name.rpartition(".")[0])
    path = [str(p) for p in parent.__path__] if parent else None
    print(name, path, sep="\t")
