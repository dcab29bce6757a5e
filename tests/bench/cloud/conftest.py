"""Nothing here needs the wheel."""


def pytest_itemcollected(item):
    item.add_marker("no_wheel")
