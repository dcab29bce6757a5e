"""duckdb: a database in memory, with threads that wait for the next query."""

import duckdb

DATABASE = duckdb.connect(config={"threads": 4})
DATABASE.execute("CREATE TABLE numbers AS SELECT i AS value, i % 7 AS part FROM range(500000) t(i)")


def work():
    query = "SELECT part, CAST(sum(value) AS BIGINT) FROM numbers GROUP BY part ORDER BY part"
    return DATABASE.execute(query).fetchall()
