"""Keeps the names that a `from` statement passes on."""

import builtins

original = builtins.__import__
names = []


def note(*args, **options):
    names.append(args[3])
    return original(*args, **options)


builtins.__import__ = note
try:
    from string import Formatter, Template
finally:
    builtins.__import__ = original
