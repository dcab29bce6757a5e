"""polars: a table read, joined and grouped, by its own threads."""

import io

import polars as pl


def handler(event, context):
    orders = pl.read_csv(io.BytesIO(event["orders"].encode()))
    prices = pl.DataFrame(event["prices"])
    total = (pl.col("count") * pl.col("price")).sum()
    sums = orders.lazy().join(prices.lazy(), on="fruit").group_by("customer").agg(total.alias("total")).sort("customer")
    return dict(sums.collect().iter_rows())
