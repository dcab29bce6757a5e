"""A function with one of each kind of module; what it imports late, it imports in the handler."""

import contextlib
import sys
import warnings
from pathlib import Path

import meadow.grass
import orchard
from orchard import apples, constants, pears

sys.path.insert(0, str(Path(__file__).parent / "vendor"))

import walnut

with contextlib.suppress(ZeroDivisionError):
    import orchard.rotten
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import orchard.noisy


def handler(event, context):
    import orchard.late

    kilos = event.get("kilos", 2)
    return {
        "price": apples.price(kilos),
        "tag": apples.read_tag("Boskoop-12/a"),
        "basket": orchard.basket(),
        "pears": pears.sorts(),
        "grass": meadow.grass.COLOUR,
        "walnut": walnut.crack(),
        "late": orchard.late.hour(),
        "constants": len(constants.everything()),
    }
