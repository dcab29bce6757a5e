"""Which modules go into the archive: those traced, or those that the user's list names."""

from dataclasses import dataclass, field
from importlib.machinery import BuiltinImporter, ExtensionFileLoader, FrozenImporter, PathFinder, SourceFileLoader


@dataclass
class Selection:
    """Modules and extension modules as dictionaries of name, path and package."""

    modules: list = field(default_factory=list)
    extensions: list = field(default_factory=list)
    left_out: list = field(default_factory=list)


def choose(trace, names):
    """The selection for a trace; `names` is the user's list or None."""
    if names is None:
        return Selection(trace["modules"], trace["extensions"])
    chosen = Selection()
    modules = {module["name"]: module for module in trace["modules"]}
    extensions = {module["name"]: module for module in trace["extensions"]}
    known = {entry["name"] for entry in trace["left_out"]}
    for name in dict.fromkeys(names):
        if name in modules:
            chosen.modules.append(modules[name])
        elif name in extensions:
            chosen.extensions.append(extensions[name])
        elif name not in known:
            find(name, trace["search_path"], chosen)
    for name in {**modules, **extensions}:
        if name not in names:
            chosen.left_out.append({"name": name, "reason": "not in the list given by --modules"})
    return chosen


def find(name, search_path, chosen):
    """Takes a module that was not traced into the selection, found without importing anything."""
    if any(importer.find_spec(name) is not None for importer in (BuiltinImporter, FrozenImporter)):
        # They come before the search path: a file of that name is not what an import gives.
        chosen.left_out.append({"name": name, "reason": "listed by --modules, but part of the interpreter"})
        return
    spec = spec_of(name, search_path)
    kind = type(spec.loader) if spec is not None else None
    if kind in (SourceFileLoader, ExtensionFileLoader):
        package = spec.submodule_search_locations is not None
        module = {"name": name, "path": spec.origin, "package": package}
        (chosen.modules if kind is SourceFileLoader else chosen.extensions).append(module)
    else:
        reason = "not found in sys.path" if spec is None else "not a .py file or extension module"
        chosen.left_out.append({"name": name, "reason": f"listed by --modules, but {reason}"})


def spec_of(name, search_path):
    """What the path finder says of a module, its packages looked up but not imported."""
    parent = name.rpartition(".")[0]
    path = search_path
    if parent:
        package = spec_of(parent, search_path)
        if package is None or package.submodule_search_locations is None:
            return None
        path = list(package.submodule_search_locations)
    try:
        return PathFinder.find_spec(name, path)
    except (ImportError, ValueError):
        return None
