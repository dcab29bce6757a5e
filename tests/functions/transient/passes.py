"""Says which of its body's constants lie where its code lies."""

import sys
from string import Formatter, Template


def dropped(weight=(12.5, "the default of a function that nobody keeps")):
    return weight


def kept(weight=(13.5, "the default of a function that is kept")):
    return weight


options = dict(first=1, second=2)  # noqa: C408 (a call with keywords)
numbers = [1001, 1002.5, "a text in a list"]
value = (14.5, "the value of a variable")
weights = dropped()[0] + kept()[0]
del dropped

code = sys._getframe().f_code
near = [c for c in code.co_consts if type(c) is tuple and abs(id(c) - id(code)) < 1 << 20]
near = sorted(map(repr, near))
del code
