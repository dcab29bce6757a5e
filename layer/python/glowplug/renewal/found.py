"""Finds live objects, at deploy time only: the garbage collector's whole list is walked."""

import gc


def instances(*classes):
    """All live instances that the garbage collector knows of. Proxies are not asked what they stand for."""
    return [found for found in gc.get_objects() if issubclass(type(found), classes)]
