"""Which modules were imported, in the order in which their bodies first ran."""

import _frozen_importlib_external as external
import sys

MODULE_TYPE = type(sys)
SOURCE = external.SourceFileLoader
EXTENSION = external.ExtensionFileLoader
# These make modules without a file of their own.
FILELESS = ("BuiltinImporter", "FrozenImporter", "NamespaceLoader", "_NamespaceLoader")


def attributes(module):
    """A module's dictionary, without waking a lazy one up; empty for what is not a module."""
    if not issubclass(type(module), MODULE_TYPE):
        return {}
    return object.__getattribute__(module, "__dict__")


def class_name(loader):
    kind = loader if isinstance(loader, type) else type(loader)
    return kind.__name__


class Modules:
    """Records by wrapping `SourceFileLoader.get_code`, which importlib calls before each body."""

    def __init__(self, search_path, texts, own_folder):
        self.search_path = search_path
        self.texts = texts
        self.own_folder = own_folder
        self.executed = {}
        self.at_start = {}
        self.left_out = {}

    def begin(self):
        for name, module in list(sys.modules.items()):
            spec = attributes(module).get("__spec__")
            # Another name in the spec: an alias such as os.path.
            own_name = getattr(spec, "name", None) == name
            if own_name and type(getattr(spec, "loader", None)) is SOURCE:
                self.note(self.at_start, name, spec)
        original = SOURCE.get_code

        def get_code(loader, fullname):
            code = original(loader, fullname)
            if type(loader) is SOURCE:
                self.about_to_run(loader, fullname, code)
            return code

        SOURCE.get_code = get_code

    def about_to_run(self, loader, name, code):
        module = attributes(sys.modules.get(name))
        spec = module.get("__spec__")
        # Others ask for code too (runpy, inspect): then no module of that loader is being made.
        if getattr(spec, "loader", None) is not loader:
            return
        if name not in self.executed:
            self.note(self.executed, name, spec)
        self.texts.prepare(name, module, code)

    def note(self, modules, name, spec):
        path, package = spec.loader.path, spec.submodule_search_locations is not None
        fault = self.search_path.fault(name, path, package, (".py",))
        if fault is None:
            modules[name] = {"name": name, "path": path, "package": package}
        else:
            self.left_out[name] = fault

    def end(self):
        """The modules, the extension modules and what is left out, as lists of dictionaries."""
        found = {**self.executed}
        extensions = []
        main = sys.modules["__main__"]  # also called __mp_main__ by multiprocessing
        for name, module in list(sys.modules.items()):
            spec = attributes(module).get("__spec__")
            known = name in found or name in self.left_out or name in self.at_start
            if known or module is main or getattr(spec, "name", name) != name:
                continue
            loader = getattr(spec, "loader", None)
            if type(loader) is SOURCE:
                self.note(found, name, spec)
            elif type(loader) is EXTENSION:
                self.note_extension(extensions, name, spec)
            elif reason := self.why_not(module, loader):
                self.left_out[name] = reason
        for name, module in self.at_start.items():
            found.setdefault(name, module)
        found = [m for m in found.values() if not m["path"].startswith(self.own_folder + "/")]
        left_out = [{"name": name, "reason": why} for name, why in self.left_out.items()]
        return found, extensions, left_out

    def note_extension(self, extensions, name, spec):
        path, package = spec.loader.path, spec.submodule_search_locations is not None
        fault = self.search_path.fault(name, path, package, external.EXTENSION_SUFFIXES)
        if fault is None:
            extensions.append({"name": name, "path": path, "package": package})
        else:
            self.left_out[name] = fault

    def why_not(self, module, loader):
        """Why a module that has a file cannot be in an archive; None for one that has no file."""
        file = attributes(module).get("__file__")
        if not isinstance(file, str) or class_name(loader) in FILELESS:
            return None
        if loader is None:
            return "made by the program itself, not by an import"
        if type(loader) is external.SourcelessFileLoader:
            return "imported from a .pyc file that has no source"
        if class_name(loader) == "zipimporter":
            return "imported from a zip file"
        kind = type(loader)
        return f"imported by a loader of its own, {kind.__module__}.{kind.__qualname__}"
