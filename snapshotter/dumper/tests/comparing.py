"""Compares code objects in everything that a program can see, and how they share their parts."""

import ctypes
import sys
import types

STATE = 32  # Offset of a string's state, whose two lowest bits say whether it is interned.
# Kept by every process in one place: an equal object must be the same object.
SMALL = range(-5, 257)


def is_shared(value, interned):
    """Whether a process has one such object only."""
    if type(value) is int:
        return value in SMALL
    return value is None or type(value) in (bool, types.EllipsisType) or value in ((), b"") or interned


class Comparison:
    """Compares one code object with its copy; `problems` says where they differ."""

    def __init__(self):
        self.counterparts = {}
        self.originals = {}
        self.problems = []

    def expect(self, holds, place, text):
        """Notes a problem unless `holds`."""
        if not holds:
            self.problems.append(f"{place}: {text}")

    def compare(self, one, two, place, part=False):
        """Compares two values and all that they refer to.

        A part of a code object, at which only the interpreter looks, may be there twice: with what stays in use and
        with what is done with early.
        """
        if type(one) is not type(two):
            self.problems.append(f"{place}: {type(one)} became {type(two)}")
            return
        if id(one) in self.counterparts and (self.counterparts[id(one)] is two or not part):
            self.expect(self.counterparts[id(one)] is two, place, f"{one!r:.60} is shared no longer")
            return
        self.expect(id(two) not in self.originals, place, f"{one!r:.60} is shared with another value")
        self.counterparts[id(one)] = two
        self.originals[id(two)] = one
        if type(one) is types.CodeType:
            self.compare_code(one, two, place)
        elif type(one) is tuple:
            self.expect(len(one) == len(two), place, "another length")
            for n, (item, copy) in enumerate(zip(one, two, strict=True)):
                self.compare(item, copy, f"{place}[{n}]")
        elif type(one) is slice:
            for name in ("start", "stop", "step"):
                self.compare(getattr(one, name), getattr(two, name), f"{place}.{name}", part=True)
        elif type(one) is frozenset:
            self.expect(sorted(map(repr, one)) == sorted(map(repr, two)), place, "other elements")
            self.expect({type(i) for i in one} == {type(i) for i in two}, place, "other elements")
        else:
            self.compare_leaf(one, two, place)

    def compare_leaf(self, one, two, place):
        """Compares values that refer to no others."""
        # The hash of a value that is not a number is its address from 3.10 on.
        same = repr(one) == repr(two) and (hash(one) == hash(two) or "nan" in repr(one))
        self.expect(same, place, f"{one!r:.60} became {two!r:.60}")
        interned = type(one) is str and ctypes.c_uint32.from_address(id(one) + STATE).value & 3
        self.expect(one is two or not is_shared(one, interned), place, f"another {one!r:.60}")
        if type(one) is int:
            self.expect(two + 1 - 1 == one and two.bit_length() == one.bit_length(), place, "another int")

    def compare_code(self, one, two, place):
        """Compares code objects by their attributes."""
        place = f"{place}:{one.co_name}"
        self.expect(hash(one) == hash(two), place, "another hash")
        for name in sorted(n for n in dir(one) if n.startswith(("co_", "_co_")) and n != "co_lnotab"):
            if callable(getattr(one, name)):
                self.expect(list(getattr(one, name)()) == list(getattr(two, name)()), place, f"another {name}")
            elif name in ("co_consts", "co_names", "co_name", "co_qualname", "co_exceptiontable", "co_linetable"):
                part = type(getattr(one, name)) is not str
                self.compare(getattr(one, name), getattr(two, name), f"{place}.{name}", part)
            else:
                # Attributes that are computed.
                self.expect(getattr(one, name) == getattr(two, name), place, f"another {name}")
        if sys.version_info < (3, 11):
            for name in ("co_code", "co_varnames", "co_freevars", "co_cellvars"):
                self.compare(getattr(one, name), getattr(two, name), f"{place}.{name}", part=True)


def differences(one, two):
    """What is different between two code objects, as lines."""
    comparison = Comparison()
    comparison.compare(one, two, "module")
    if not comparison.problems:
        # The interpreter's own idea of equality takes the constants' types into account too; it is no use where a
        # constant is not equal to itself.
        comparison.expect(one == two or "nan" in repr(one.co_consts), "module", "not equal")
    return comparison.problems
