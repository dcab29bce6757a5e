"""A table: grouped, joined, parsed and written."""

import pandas as pd


def handler(event, context):
    table = pd.DataFrame({"fruit": ["apple", "pear", "apple", "fig"], "kilos": event["kilos"]})
    prices = pd.read_csv(pd.io.common.StringIO("fruit,price\napple,2.5\npear,3\n"))
    joined = table.merge(prices, on="fruit", how="left")
    joined["day"] = pd.to_datetime(["2026-01-31", "2026-02-01", "2026-02-28", "2024-02-29"])
    return {
        "sums": {str(k): float(v) for k, v in table.groupby("fruit")["kilos"].sum().items()},
        "value": float((joined["kilos"] * joined["price"]).sum()),
        "months": [int(month) for month in joined["day"].dt.month],
        "json": joined.drop(columns="day").to_json(orient="records"),
        "text": joined.to_string(),
    }
