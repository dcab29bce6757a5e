"""Fills an archive: modules with their texts, extension modules, expressions, the manifest."""

import importlib.machinery
import importlib.util
import json
import sys
from pathlib import Path

from glowplug_dump import code_objects, regexes, selection
from glowplug_dump.roots import NoRootError, Roots


def extension_module(folder, name):
    """One of the two modules of the payload, loaded from its file."""
    path = str(Path(folder) / f"{name}.abi3.so")
    loader = importlib.machinery.ExtensionFileLoader(name, path)
    spec = importlib.util.spec_from_file_location(name, path, loader=loader)
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


def build(spec, trace):
    """Writes the archive that `spec` asks for; returns where it is and what has no place in it."""
    python = trace["python"]
    sys.pycache_prefix = python["pycache_prefix"]
    fingerprint = extension_module(spec["payload"], "_glowplug").fingerprint()
    dumper_class = extension_module(spec["payload"], "_glowplug_dumper").Dumper
    dumper = dumper_class(fingerprint, spec["validation"], python["optimize"])
    return Archive(spec, trace, dumper).write(fingerprint)


class Archive:
    """An archive in the making."""

    def __init__(self, spec, trace, dumper):
        self.spec = spec
        self.trace = trace
        self.dumper = dumper
        self.roots = Roots(trace["search_path"], spec["root"], trace["python"]["stdlib"], dumper)
        self.modules = []
        self.extensions = []
        self.left_out = list(trace["left_out"])
        self.compiled = []
        self.texts_left_out = 0

    def write(self, fingerprint):
        chosen = selection.choose(self.trace, self.spec["modules"])
        self.left_out += chosen.left_out
        for module in chosen.modules:
            self.add_module(**module)
        for extension in chosen.extensions:
            self.add_extension(**extension)
        found = self.trace["regexes"]
        kept = regexes.add_all(self.dumper, found)
        stored = {module["name"] for module in self.modules}
        manifest = {
            "glowplug": self.spec["glowplug"],
            "name": self.spec["name"],
            "target": self.spec["target"],
            "python": self.trace["python"]["version"],
            "validation": self.spec["validation"],
            "roots": self.roots.recorded,
            "modules": self.modules,
            "extensions": self.extensions,
            "left_out": self.left_out,
            "stale_pyc": [entry for entry in self.trace["stale_pyc"] if entry["name"] in stored],
            "shared_libraries": self.trace["shared_libraries"],
            "data_files": self.trace["data_files"],
            "regexes": kept,
            "compiled": self.compiled,
        }
        name = f"{self.spec['name']}.{fingerprint['soabi']}.{fingerprint['id']}.glow"
        path = str(Path(self.spec["output"]) / name)
        size = self.dumper.finish(path, json.dumps(manifest), self.trace.get("garbage", 0))
        return {
            "path": path,
            "bytes": size,
            "regexes_left_out": len(found) - kept,
            "texts_left_out": self.texts_left_out,
        }

    def leave_out(self, name, reason):
        self.left_out.append({"name": name, "reason": str(reason)})

    def add_module(self, name, path, package):
        try:
            root, relative = self.roots.place(name, path, package)
            code = code_objects.of_module(name, path)
            source, mtime = code_objects.source_of(path)
            texts = self.add_texts(name)
            kept = self.trace["kept_code"].get(path)
            size = self.dumper.add_module(
                name, root, relative, package, code, source, mtime,
                compiles=bool(texts), kept=kept and {tuple(function) for function in kept},
            )  # fmt: skip
        except (NoRootError, ValueError, code_objects.NotCompiledError) as error:
            self.leave_out(name, error)
            return
        self.modules.append({"name": name, "root": root, "path": relative, "bytes": size})
        if texts:
            self.compiled.append({"module": name, "texts": texts})

    def add_texts(self, name):
        """Gives the dumper the texts that a module compiles; returns how many it took."""
        taken = 0
        for text in self.trace["texts"].get(name, ()):
            try:
                code = code_objects.of_text(**text)
                self.dumper.add_compiled(text["source"], text["filename"], text["mode"], text["flags"], code)
            except (code_objects.NotCompiledError, ValueError):
                self.texts_left_out += 1
            else:
                taken += 1
        return taken

    def add_extension(self, name, path, package):
        try:
            root, relative = self.roots.place(name, path, package)
            self.dumper.add_extension(name, root, relative, package)
        except (NoRootError, ValueError) as error:
            self.leave_out(name, error)
            return
        self.extensions.append({"name": name, "root": root, "path": relative})
