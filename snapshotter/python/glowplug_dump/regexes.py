"""Regular expressions: compiled again without the target, and kept where the results agree."""

import _sre
import importlib
import sys
import warnings

COMPILER = importlib.import_module("re._compiler" if sys.version_info >= (3, 11) else "sre_compile")


def arguments(pattern, given_flags):
    """What `re` hands to `_sre.compile` for a pattern; raises if it has anything to complain of."""
    original = _sre.compile
    _sre.compile = lambda *found: found
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            return COMPILER.compile(pattern, given_flags)
    finally:
        _sre.compile = original


def agrees(regex, pattern):
    """Whether this process works out the same as the target's did (which may have patched `re`)."""
    try:
        _, flags, code, groups, names, _ = arguments(pattern, regex["given_flags"])
    except Exception:  # whatever it is, the expression is not kept
        return False
    found = int(flags), [int(word) for word in code], groups, list(names.items())
    return found == (regex["flags"], regex["code"], regex["groups"], list(regex["names"].items()))


def add_all(dumper, found):
    """Gives the dumper those of the traced expressions that can be kept; returns their number."""
    kept = 0
    for regex in found:
        text = regex["pattern"]
        pattern = text.encode("latin-1") if regex["is_bytes"] else text
        if agrees(regex, pattern):
            parts = (regex[key] for key in ("given_flags", "flags", "code", "groups", "names"))
            dumper.add_regex(pattern, *parts)
            kept += 1
    return kept
