"""A vendored package, found by what the function puts into sys.path."""


def crack():
    return "nut"
