"""Source texts that modules compile while they start, as dataclasses, attrs and namedtuple do."""

import builtins
import sys

NAMES = frozenset(("exec", "eval", "compile"))
# Flags of `from __future__ import ...`, which compiled text inherits from the code that calls:
# PyCF_MASK in CPython's Include/cpython/compile.h.
FUTURE_FLAGS = 0x1FE0000
OPTIMIZED = 0x1  # CO_OPTIMIZED of Include/cpython/code.h: locals are not a dictionary
MODES = ("exec", "eval", "single")
LOCALS_ARE_SNAPSHOTS = sys.version_info >= (3, 13)  # PEP 667


def names_used(code):
    """Which of exec, eval and compile a code object mentions, those inside of it included."""
    found = NAMES.intersection(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, type(code)):
            found |= names_used(constant)
    return found


def locals_of(frame):
    """What `locals()` gives in a frame."""
    if LOCALS_ARE_SNAPSHOTS and frame.f_code.co_flags & OPTIMIZED:
        return dict(frame.f_locals)
    return frame.f_locals


class Texts:
    """Records by giving modules that mention the three functions recording ones of that name."""

    def __init__(self):
        self.by_module = {}
        self.known = set()
        self.prepared = set()
        self.wrappers = {"exec": self.wrap_run("exec"), "eval": self.wrap_run("eval")}
        self.wrappers["compile"] = self.wrap_compile()

    def prepare(self, name, module, code):
        """Called with a module's dictionary and code before the module's body runs."""
        for function in names_used(code):
            # A module that has or makes a function of that name is left alone.
            module.setdefault(function, self.wrappers[function])
            self.prepared.add(name)

    def note(self, frame, source, filename, mode, flags):
        name = frame.f_globals.get("__name__")
        key = (name, source, filename, mode, flags)
        if type(name) is not str or name not in self.prepared or key in self.known:
            return
        self.known.add(key)
        self.by_module.setdefault(name, []).append(
            {"source": source, "filename": filename, "mode": mode, "flags": flags}
        )

    def wrap_run(self, mode):
        builtin, compile_text = getattr(builtins, mode), builtins.compile

        def run(*arguments, **named):
            """Stands in for exec or eval."""
            frame = sys._getframe(1)
            if not 1 <= len(arguments) <= 3 or (named and sys.version_info < (3, 13)):
                return builtin(*arguments, **named)
            source, namespace, local = (*arguments, None, None)[:3]
            namespace = named.pop("globals", namespace)
            local = named.pop("locals", local)
            if namespace is None:
                namespace = frame.f_globals
                local = locals_of(frame) if local is None else local
            elif local is None:
                local = namespace
            if type(source) is str:
                flags = frame.f_code.co_flags & FUTURE_FLAGS
                # eval drops leading blanks, as compile for eval does not.
                text = source.lstrip(" \t") if mode == "eval" else source
                self.note(frame, text, "<string>", mode, flags)
                if flags:
                    source = compile_text(text, "<string>", mode, flags, True)
            return builtin(source, namespace, local, **named)

        run.__name__ = run.__qualname__ = mode
        return run

    def wrap_compile(self):
        builtin = builtins.compile
        names = ("source", "filename", "mode", "flags", "dont_inherit", "optimize")

        def compile(*arguments, **named):
            """Stands in for compile."""
            given = {"flags": 0, "dont_inherit": False, "optimize": -1, **named}
            given.update(zip(names, arguments, strict=False))
            complete = given.keys() >= set(names) and len(arguments) <= len(names)
            if not complete or type(given["flags"]) is not int:
                return builtin(*arguments, **named)
            frame = sys._getframe(1)
            if not given["dont_inherit"]:
                given["flags"] |= frame.f_code.co_flags & FUTURE_FLAGS
            if (
                len(given) == len(names)
                and type(given["source"]) is str
                and type(given["filename"]) is str
                and given["mode"] in MODES
                and given["optimize"] == -1
                and not given["flags"] & ~FUTURE_FLAGS
            ):
                text = given["source"], given["filename"], given["mode"]
                self.note(frame, *text, given["flags"])
            return builtin(**given)

        return compile
