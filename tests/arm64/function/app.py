"""A function that uses a package of its own, constants of every kind and libraries in C."""

import decimal
import sqlite3

from orders import prices
from orders.totals import Order

TABLE = sqlite3.connect(":memory:")
TABLE.execute("create table orders (name text, total text)")


def handler(event, context):
    order = Order(event["name"], tuple(event["items"]))
    TABLE.execute("insert into orders values (?, ?)", (order.name, str(order.total())))
    ((name, total),) = TABLE.execute("select name, total from orders").fetchall()
    return {"name": name, "total": total, "large": prices.LARGE, "share": str(decimal.Decimal(1) / 3)[:8]}
