"""Has a pool of database connections that was used at init, and uses it behind its snapshot point."""

import json
import os
import sys

import glowplug
from sqlalchemy import create_engine, event, text
from sqlalchemy.pool import QueuePool

opened = []
engine = create_engine(f"sqlite:///{sys.argv[1]}", poolclass=QueuePool, pool_size=3)
event.listen(engine, "connect", lambda connection, record: opened.append(os.getpid()))


def count(connection):
    connection.execute(text("create table if not exists orders (pid integer)"))
    connection.execute(text("insert into orders values (:pid)"), {"pid": os.getpid()})
    return connection.execute(text("select count(*) from orders")).scalar()


with engine.begin() as first:
    count(first)
before = len(opened)
glowplug.snapshot_point()
with engine.begin() as connection:
    orders = count(connection)
said = {"rung": glowplug.status()["rung"], "opened": opened[before:], "pid": os.getpid(), "orders": orders}
print(json.dumps(said))
