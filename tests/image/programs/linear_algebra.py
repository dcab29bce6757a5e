"""Multiplies matrices that are larger than a block of OpenBLAS, before its snapshot point and behind it."""

import json

import glowplug
import numpy

TYPES = ("float32", "float64", "complex64", "complex128")


def products():
    numbers = numpy.arange(1100 * 1100) % 3
    return {name: float(numpy.dot(*[numbers.astype(name).reshape(1100, 1100)] * 2).sum().real) for name in TYPES}


BEFORE = products()
glowplug.snapshot_point()
print(json.dumps({"rung": glowplug.status()["rung"], "products": [BEFORE, products()]}))
