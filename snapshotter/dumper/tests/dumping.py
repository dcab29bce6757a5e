"""Finds the built dumper and makes archives with it."""

import importlib.machinery
import importlib.util
import json
import marshal
import mmap
import os
import sys
import sysconfig
from pathlib import Path

TARGET = Path(__file__).resolve().parents[3] / "target"


def dumper_file():
    """The dumper to test: what GLOWPLUG_DUMPER names, else the newest that was built."""
    if named := os.environ.get("GLOWPLUG_DUMPER"):
        return Path(named)
    built = [TARGET / "wheel" / "payload" / "_glowplug_dumper.abi3.so", *TARGET.glob("*/lib_glowplug_dumper.so")]
    built = [file for file in built if file.is_file() and file.parent.name in ("payload", "release", "debug")]
    if not built:
        raise FileNotFoundError("no dumper: build the wheel, or the crate with PYO3_BUILD_EXTENSION_MODULE=1")
    return max(built, key=lambda file: file.stat().st_mtime)


def load_dumper():
    """The module `_glowplug_dumper`."""
    loader = importlib.machinery.ExtensionFileLoader("_glowplug_dumper", str(dumper_file()))
    spec = importlib.util.spec_from_file_location(loader.name, loader.path, loader=loader)
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


def fingerprint():
    """A fingerprint in the form that `Dumper` takes; the builds' identities are made up."""
    return {
        "machine": {"x86_64": 62, "aarch64": 183}[os.uname().machine],
        "page_size": mmap.PAGESIZE,
        "python_version": sys.hexversion,
        "flags": 0,
        "soabi": sysconfig.get_config_var("SOABI"),
        "interpreter": b"interpreter",
        "libc": b"libc",
    }


def new_dumper():
    """A dumper with one root, number 0."""
    dumper = load_dumper().Dumper(fingerprint(), "unchecked", sys.flags.optimize)
    assert dumper.add_root("/root", "function") == 0
    return dumper


def fresh(source, filename="/root/module.py", mode="exec"):
    """Code as an import gets it: from `marshal`."""
    return marshal.loads(marshal.dumps(compile(source, filename, mode, dont_inherit=True)))


def add(dumper, name, code):
    """Adds a module that has code only."""
    return dumper.add_module(name, 0, name + ".py", False, code, None, 0)


def finish(dumper, path):
    """Writes the archive with an empty manifest and returns its length."""
    empty = ("roots", "modules", "extensions", "left_out", "stale_pyc", "shared_libraries", "data_files", "compiled")
    manifest = {"glowplug": "0", "name": "test", "target": "test", "python": sys.version, "validation": "unchecked"}
    return dumper.finish(str(path), json.dumps({**manifest, **{key: [] for key in empty}, "regexes": 0}))
