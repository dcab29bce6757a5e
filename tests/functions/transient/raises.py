"""Fails in the middle of its body."""


def fail(reason):
    raise ValueError(reason)


class Body:
    fail("in a class body")
