"""Keeps what other modules give up: its own code, in the ways in which a program can."""

import sys
import weakref


def dropped():
    yield 1
    yield 2


frame = sys._getframe()
code = frame.f_code
reference = weakref.ref(code)
generator = dropped()
next(generator)
del dropped, frame


class Body:
    code = sys._getframe().f_code
    text = "a text of a class body"
