"""Constants whose layout in memory differs: numbers, text of each width, sets, slices."""

import re

LARGE = 2**200 + 1
PRICES = {"apple": 0.25, "pêche": 1.5, "桃": 3.75, "🍑": -0.0}
FRUIT = re.compile(r"(?P<name>\w+|🍑)\s*x\s*(?P<count>\d+)", re.IGNORECASE)


def known(name):
    return name in {"apple", "pêche", "桃", "🍑"} and name[0:1] != ""
