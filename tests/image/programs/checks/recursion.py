"""The main stack grows as deep as it does in a plain process, and ends in RecursionError."""

import ctypes
import sys

from __main__ import CAUGHT


def down(number):
    return 0 if number == 0 else 1 + down(number - 1)


def down_through_c(number):
    return 0 if number == 0 else 1 + max(map(down_through_c, [number - 1]))


def endless():
    return [endless()]


sys.setrecursionlimit(5000)
assert down(4500) == 4500
assert down_through_c(300) == 300
try:
    endless()
except RecursionError:
    CAUGHT.append("recursion")
assert CAUGHT == ["recursion"]

# qsort(3) calls a function of Python's, which calls qsort.
libc = ctypes.CDLL(None)
Order = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)
pair, calls = (ctypes.c_int * 2)(2, 1), []


@Order
def order(one, other):
    calls.append(one)
    if len(calls) < 300:
        libc.qsort(pair, 2, 4, order)
    return 0


libc.qsort(pair, 2, 4, order)
assert len(calls) == 300
