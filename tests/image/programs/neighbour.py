"""A module of the program's own that is imported late."""


def answer():
    return 42
