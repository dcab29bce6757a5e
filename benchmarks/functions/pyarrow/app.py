"""pyarrow: a parquet file written and read, joined and grouped, by its own threads."""

import io

import pyarrow as pa
import pyarrow.compute
import pyarrow.parquet as pq


def handler(event, context):
    file = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(event["orders"]), file)
    orders = pq.read_table(pa.BufferReader(file.getvalue()), use_threads=True)
    joined = orders.join(pa.Table.from_pylist(event["prices"]), "fruit")
    totals = pa.compute.multiply(joined["count"], joined["price"])
    sums = joined.append_column("total", totals).group_by("customer").aggregate([("total", "sum")])
    return {row["customer"]: row["total_sum"] for row in sums.sort_by("customer").to_pylist()}
