"""Fails while it is imported."""


def spoil(days):
    return 1 / (days - 3)


BAD = spoil(3)
