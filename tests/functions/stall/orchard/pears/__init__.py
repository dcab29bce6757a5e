"""A package in a package."""

from . import conference, grün  # noqa: PLC2403


def sorts():
    return [conference.NAME, grün.NAME]
