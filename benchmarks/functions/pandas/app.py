"""pandas: a table read, joined and grouped."""

import io

import pandas as pd


def handler(event, context):
    orders = pd.read_csv(io.StringIO(event["orders"]))
    prices = pd.DataFrame(event["prices"])
    joined = orders.merge(prices, on="fruit")
    joined["total"] = joined["count"] * joined["price"]
    sums = joined.groupby("customer")["total"].sum()
    return {str(customer): float(total) for customer, total in sums.items()}
