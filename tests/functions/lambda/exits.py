"""Functions that end their process."""

import sys

if sys.argv[-1].endswith("at_import"):
    sys.exit(3)


def at_import(event, context):
    return None


def in_handler(event, context):
    sys.exit(4)


def raises(event, context):
    raise KeyError("order")
