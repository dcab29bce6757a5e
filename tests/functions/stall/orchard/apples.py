"""Expressions, dataclasses, named tuples, a function that fails."""

from __future__ import annotations

import re
from collections import namedtuple
from dataclasses import dataclass, field
from enum import Enum

TAG = re.compile(
    r"""
    (?P<sort>[A-Za-zÄÖÜäöü]+)  # its name
    -(?P<size>\d{1,3})
    (?:/(?P<class>[a-c]))?$
    """,
    re.VERBOSE | re.IGNORECASE,
)
RAW = re.compile(rb"(?<=\x00)[\x80-\xff]+(?=\n)", re.MULTILINE | re.DOTALL)
WORDS = re.compile(r"\b(\w+)\s+\1\b|(?>ab|cd)+" if hasattr(re, "NOFLAG") else r"\b(\w+)\s+\1\b")
EXPRESSIONS = {"TAG": TAG, "RAW": RAW, "WORDS": WORDS}


class Size(Enum):
    SMALL = 1
    LARGE = 2


@dataclass(frozen=True, order=True)
class Apple:
    sort: str
    grams: float = 150.0
    spots: list[int] = field(default_factory=list, compare=False, repr=False)


@dataclass
class Crate:
    apples: list[Apple]
    size: Size = Size.SMALL

    def __post_init__(self):
        if len(self.apples) > 2:
            self.size = Size.LARGE


Point = namedtuple("Point", "x y", defaults=[0])


def price(kilos, per_kilo=2.5):
    return kilos * per_kilo


def read_tag(text):
    found = TAG.match(text)
    return found.groupdict() if found else None


def fail(depth=1):
    """Raises, some frames deep."""
    if depth:
        return fail(depth - 1)
    return {}["no such apple"]  # the traceback shows this line
