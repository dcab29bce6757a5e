"""Imported by the handler's first call."""

from orchard import long


def hour():
    return len(vars(long)) > 300
