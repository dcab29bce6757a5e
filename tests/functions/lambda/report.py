"""pandas, on the object that an S3 event names; the function's own files stand in for the bucket."""

from pathlib import Path

import pandas

BUCKET = Path(__file__).parent / "bucket"


def handler(event, context):
    object_ = event["Records"][0]["s3"]["object"]
    orders = pandas.read_csv(BUCKET / object_["key"], parse_dates=["day"])
    sums = orders.groupby(orders["day"].dt.strftime("%Y-%m"))["amount"].sum()
    return {month: round(float(amount), 2) for month, amount in sums.items()}
