"""Who made something: the place in the program, told from a stack of frames."""

# ruff: noqa: PTH123, PTH208 (pathlib must not be imported before the target imports it)

import os
import sys

OWN_FOLDER = __file__.rpartition("/")[0].rpartition("/")[0] + "/"
STDLIB_FOLDER = os.__file__.rpartition("/")[0] + "/"
PACKAGES = ("/site-packages/", "/dist-packages/")
# Places of a file in a program.
OWN, STDLIB, PACKAGE, USER = range(4)

_places = {}
_installed = {}


def place(file):
    """Where a file belongs: to Glowplug, the standard library, an installed package or the user."""
    known = _places.get(file)
    if known is None:
        known = _places[file] = _place(file)
    return known


def _place(file):
    if file.startswith(OWN_FOLDER):
        return OWN
    if any(part in file for part in PACKAGES):
        return PACKAGE
    # Generated code and frozen modules have names in angle brackets.
    if file.startswith((STDLIB_FOLDER, "<")):
        return STDLIB
    return PACKAGE if is_beside_the_user(file) else USER


def is_beside_the_user(file):
    """Whether a file is of a package that is installed into the function's own folder, as is usual for Lambda."""
    for entry in sys.path:
        if type(entry) is str and file.startswith(entry + "/"):
            top = file[len(entry) + 1 :].partition("/")[0].partition(".")[0]
            return top in installed(entry)
    return False


def installed(folder):
    """Names of the top-level modules of the packages installed into a folder, by what their RECORDs list."""
    known = _installed.get(folder)
    if known is not None:
        return known
    names = _installed[folder] = set()
    try:
        records = [f"{folder}/{entry}/RECORD" for entry in os.listdir(folder) if entry.endswith(".dist-info")]
        for record in records:
            with open(record, encoding="utf-8", errors="replace") as file:
                names.update(line.partition("/")[0].partition(".")[0] for line in file if not line.startswith("."))
    except OSError:  # no folder, or a package without a RECORD
        pass
    return names


def is_glowplug(name):
    """Whether a module is Glowplug's, by its name."""
    return type(name) is str and name.partition(".")[0] in ("glowplug", "_glowplug", "glowplug_image", "glowplug_trace")


def library(module, file):
    """The installed package that a module belongs to, or None."""
    return module.partition(".")[0] if file and module and place(file) == PACKAGE else None


def describe(frame):
    """A frame as an owner: module, file, line and library."""
    module = frame.f_globals.get("__name__")
    module = module if type(module) is str else None
    file = frame.f_code.co_filename
    return {"module": module, "file": file, "line": frame.f_lineno, "library": library(module, file)}


def find(frame):
    """The owner of what a frame is doing, or None where only Glowplug is on the stack.

    That is the innermost frame outside of the standard library. `through` is the outermost frame of the user's
    own code, where that is another: the statement by which it came about.
    """
    owner = through = fallback = None
    while frame is not None:
        file = frame.f_code.co_filename
        where = place(file)
        if is_glowplug(frame.f_globals.get("__name__")):
            # For itself, and not for the target, which is imported by `glowplug_trace.target`.
            if owner is None and where != STDLIB and not file.endswith("/glowplug_trace/target.py"):
                return None
        elif where in (PACKAGE, USER):
            if owner is None:
                owner = frame
            if where == USER:
                through = frame
        elif where == STDLIB and fallback is None and not file.startswith("<frozen importlib"):
            fallback = frame
        frame = frame.f_back
    chosen = owner or fallback
    if chosen is None:
        return None
    found = describe(chosen)
    found["through"] = describe(through) if through is not None and through is not chosen else None
    return found


def of_file(module, file, line=None, through=None):
    """An owner that is known by its file."""
    return {"module": module, "file": file, "line": line, "library": library(module, file), "through": through}


def of_attribute(module, attribute):
    """A module's attribute as an owner, with the line that assigns it, where there is one."""
    name, file = namespace(module).get("__name__"), namespace(module).get("__file__")
    return of_file(name, file, _assignment(file, attribute))


def _assignment(file, attribute):
    """The first line of a source file that assigns a name at its top level."""
    if type(file) is not str or not file.endswith(".py"):
        return None
    try:
        with open(file, encoding="utf-8", errors="replace") as text:
            for number, line in enumerate(text, 1):
                rest = line[len(attribute) :].lstrip()
                if line.startswith(attribute) and rest.startswith(("=", ":")) and not rest.startswith("=="):
                    return number
    except OSError:
        return None
    return None


def namespace(module):
    """A module's dictionary, without waking a lazy one up; empty for what is not a module."""
    return object.__getattribute__(module, "__dict__") if issubclass(type(module), type(sys)) else {}


def holder(value):
    """The module attribute that holds an object, or None."""
    for module in list(sys.modules.values()):
        for attribute, held in list(namespace(module).items()):
            if held is value:
                return module, attribute
    return None
