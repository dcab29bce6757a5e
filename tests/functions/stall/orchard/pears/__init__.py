"""A package in a package."""

from . import conference, grün


def sorts():
    return [conference.NAME, grün.NAME]
