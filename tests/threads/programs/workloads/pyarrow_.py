"""pyarrow: parquet read and a table grouped, by its own threads."""

import io

import pyarrow as pa
import pyarrow.parquet as pq

FILE = io.BytesIO()
pq.write_table(
    pa.table({"group": [number % 7 for number in range(200_000)], "value": list(range(200_000))}),
    FILE, row_group_size=10_000,
)  # fmt: skip


def work():
    table = pq.read_table(pa.BufferReader(FILE.getvalue()), use_threads=True)
    return table.group_by("group").aggregate([("value", "sum")]).sort_by("group")["value_sum"].to_pylist()
