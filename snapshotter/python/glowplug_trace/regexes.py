"""The regular expressions that the target compiled."""

import _sre
import sys

# Modules whose `compile(p, flags)` ends in `_sre.compile`: Lib/re/_compiler.py, and before 3.11
# Lib/sre_compile.py.
COMPILERS = ("re._compiler", "sre_compile")
LOCALE, DEBUG = 4, 128  # Modules/_sre/sre_constants.h


class Regexes:
    """Records by standing in for `_sre.compile`, to which `re` hands what it has worked out."""

    def __init__(self):
        self.found = []
        self.known = set()

    def begin(self):
        original = _sre.compile

        def compile(*arguments):
            compiled = original(*arguments)
            if len(arguments) == 6:
                self.note(sys._getframe(1), arguments)
            return compiled

        _sre.compile = compile

    def note(self, caller, arguments):
        if caller.f_code.co_name != "compile" or caller.f_globals.get("__name__") not in COMPILERS:
            return
        pattern, flags, code, groups, group_index, _ = arguments
        given = caller.f_locals.get("flags")
        if type(pattern) not in (str, bytes) or type(given) is not int:
            return
        key = (type(pattern), pattern, given)
        if flags & (LOCALE | DEBUG) or given & (LOCALE | DEBUG) or key in self.known:
            return
        self.known.add(key)
        is_bytes = type(pattern) is bytes
        self.found.append(
            {
                "pattern": pattern.decode("latin-1") if is_bytes else pattern,
                "is_bytes": is_bytes,
                "given_flags": given,
                "flags": int(flags),
                "code": [int(word) for word in code],
                "groups": groups,
                "names": dict(group_index),
            }
        )
