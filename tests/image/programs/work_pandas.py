"""A table, grouped and joined behind the snapshot point."""

import json

import glowplug
import pandas as pd


def work(kilos):
    table = pd.DataFrame({"fruit": ["apple", "pear", "apple", "fig"], "kilos": kilos})
    prices = pd.read_csv(pd.io.common.StringIO("fruit,price\napple,2.5\npear,3\n"))
    joined = table.merge(prices, on="fruit", how="left")
    sums = {str(name): float(kilos) for name, kilos in table.groupby("fruit")["kilos"].sum().items()}
    return [sums, joined.to_json(orient="records")]


work([1.0, 2.0, 3.0, 4.0])
glowplug.snapshot_point()
answer = work([0.5, 4.0, 2.5, 8.0])
print(json.dumps({"rung": glowplug.status()["rung"], "answer": answer}))
