"""Compares each archived code object with the one that `marshal` gives: `compare_code.py ARCHIVE MANIFEST.json EACH`.

One in EACH modules is compared in what is computed of its attributes, too: that takes longer than all else.
Prints JSON: how many were compared, and a line for each difference.
"""

import dis
import json
import marshal
import struct
import sys
import types
from importlib.machinery import SourceFileLoader
from pathlib import Path

import glowplug

SPECIAL = sys.version_info >= (3, 11)

# Methods, and what warns when it is read (co_lnotab is co_linetable in another form).
UNCOMPARED = {"co_lines", "co_positions", "co_branches", "co_lnotab"}
ATTRIBUTES = [
    name for name in dir(compile("0", "", "exec")) if name.startswith(("co_", "_co_")) and name not in UNCOMPARED
]

# Types of attributes that are equal for equal bits only.
PLAIN = (bytes, int, str)


def exactly(value):
    """A value as something that is equal only for equal types, signs and bits."""
    kind = type(value).__name__
    if isinstance(value, (bool, int, str, bytes)) or value is None or value is ...:
        return kind, value
    if isinstance(value, float):
        return kind, struct.pack("<d", value)
    if isinstance(value, complex):
        return kind, struct.pack("<dd", value.real, value.imag)
    if isinstance(value, tuple):
        return kind, tuple(exactly(item) for item in value)
    if isinstance(value, frozenset):
        return kind, tuple(sorted((exactly(item) for item in value), key=repr))
    if isinstance(value, types.CodeType):
        return kind, value.co_qualname if SPECIAL else value.co_name, value.co_firstlineno
    if isinstance(value, slice):
        return kind, exactly(value.start), exactly(value.stop), exactly(value.step)
    raise TypeError(f"a constant of type {kind}")


def strings(value):
    """The strings within a constant."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, tuple):
        for item in value:
            yield from strings(item)


def differences(archived, fresh, where, with_derived, twin):
    """In words, each way in which two code objects differ."""
    if type(archived) is not type(fresh):
        yield f"{where}: {type(archived)}"
        return
    for name in ATTRIBUTES:
        ours, wanted = getattr(archived, name), getattr(fresh, name)
        if type(ours) is type(wanted) in PLAIN and ours == wanted:
            continue
        if name != "_co_code_adaptive" and exactly(ours) != exactly(wanted):
            yield f"{where}.{name}: {str(ours)[:200]} instead of {str(wanted)[:200]}"
        elif name == "_co_code_adaptive" and ours != wanted:
            yield f"{where}: bytecode, caches or counters are not those of fresh code"
    if with_derived:
        yield from derived_differences(archived, fresh, where)
    # Code with a NaN equals nothing but itself: not its twin out of `marshal` either.
    if fresh == twin and (archived != fresh or hash(archived) != hash(fresh)):
        yield f"{where}: == or hash()"
    # What CPython interns must be the same object: all names, and constants that look like names.
    for name in ("co_names", "co_varnames", "co_freevars", "co_cellvars"):
        if not all(map(lambda a, b: a is b, getattr(archived, name), getattr(fresh, name))):
            yield f"{where}.{name}: not interned"
    for ours, wanted in zip(strings(archived.co_consts), strings(fresh.co_consts), strict=True):
        if wanted.isidentifier() and wanted.isascii() and ours is not wanted:
            yield f"{where}: constant {wanted!r} is not interned"
    for ours, wanted, other in zip(archived.co_consts, fresh.co_consts, twin.co_consts, strict=True):
        if isinstance(wanted, types.CodeType):
            yield from differences(ours, wanted, f"{where}.{wanted.co_name}", with_derived, other)


def derived_differences(archived, fresh, where):
    """Ways to differ in what code objects compute from their attributes, and `dis` from both."""
    if list(archived.co_lines()) != list(fresh.co_lines()):
        yield f"{where}: line table"
    if SPECIAL and list(archived.co_positions()) != list(fresh.co_positions()):
        yield f"{where}: positions"
    if sys.version_info >= (3, 14) and list(archived.co_branches()) != list(fresh.co_branches()):
        yield f"{where}: branches"
    if list(instructions(archived)) != list(instructions(fresh)):
        yield f"{where}: dis"


def instructions(code):
    """What `dis` knows of each instruction of one code object: all that it prints but for the layout, and more."""
    options = {"show_caches": True, "adaptive": True} if SPECIAL else {}
    for instruction in dis.get_instructions(code, **options):
        text = instruction.argrepr
        # Addresses of code objects, and the order of sets, are not the same twice; other values are in the text.
        if "<code object" in text or "frozenset(" in text:
            text = None
        yield (*instruction[:3], text, *instruction[5:])


def archived_loader(name, path):
    """The loader of a module that was not imported; nothing is executed."""
    if name in sys.modules and type(sys.modules[name].__spec__.loader).__name__ == "ArchiveLoader":
        raise RuntimeError(f"{name} was executed already")
    folder = path.parent.parent if path.name == "__init__.py" else path.parent
    spec = sys.meta_path[0].find_spec(name, [str(folder)] if "." in name else None)
    return spec and spec.loader


def main(archive, manifest, each):
    manifest = json.loads(Path(manifest).read_text(encoding="utf-8"))
    roots = [root["path"] for root in manifest["roots"]]
    sys.path[:0] = [root for root in roots if root not in sys.path]
    if not glowplug.activate(archive):
        sys.exit(1)
    found = []
    compared = 0
    for number, module in enumerate(manifest["modules"]):
        name, path = module["name"], Path(roots[module["root"]], module["path"])
        loader = archived_loader(name, path)
        if loader is None:
            found.append(f"{name}: not served")
            continue
        data = marshal.dumps(SourceFileLoader(name, str(path)).get_code(name))
        fresh, twin = marshal.loads(data), marshal.loads(data)
        # What lines, positions, branches and `dis` are computed from is compared for all; some of the modules show that
        # it is all there is to them.
        found += differences(loader.get_code(name), fresh, name, number % int(each) == 0, twin)
        compared += 1
    print(json.dumps({"compared": compared, "differences": found[:50], "status": glowplug.status()}, default=str))


main(*sys.argv[1:])
