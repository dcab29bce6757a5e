"""polars: groups in parallel, parquet in streaming mode, a query in the background."""

import asyncio
import tempfile
from pathlib import Path

import polars as pl

FRAME = pl.DataFrame({"group": [number % 7 for number in range(200_000)], "value": range(200_000)})
FILE = Path(tempfile.gettempdir(), f"glowplug-threads-polars-{pl.__version__}.parquet")
FRAME.write_parquet(FILE, row_group_size=10_000)


def sums(frame):
    return frame.group_by("group").agg(pl.col("value").sum()).sort("group")


async def in_the_background():
    return await sums(FRAME.lazy()).collect_async()


def work():
    streamed = sums(pl.scan_parquet(FILE).filter(pl.col("value") >= 100)).collect(engine="streaming")
    return [frame["value"].to_list() for frame in (sums(FRAME), streamed, asyncio.run(in_the_background()))]
