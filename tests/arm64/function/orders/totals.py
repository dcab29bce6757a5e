"""An order's total."""

from dataclasses import dataclass

from orders.prices import FRUIT, PRICES, known


@dataclass(frozen=True)
class Order:
    """Who ordered, and lines like `apple x 3`."""

    name: str
    items: tuple[str, ...]

    def total(self):
        found = [FRUIT.fullmatch(item) for item in self.items]
        return sum(PRICES[line["name"]] * int(line["count"]) for line in found if known(line["name"]))
