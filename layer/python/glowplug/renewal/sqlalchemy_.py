"""SQLAlchemy's engines: idle connections are closed before the image, and opened again when needed.

Pools that keep one connection alive on purpose are left: a database in memory lives in it. Connections of asynchronous
drivers cannot be closed here; the program's own hook has to.
"""

import sys

from .found import instances

ENTROPY = 0


def prepare():
    base, pools = sys.modules.get("sqlalchemy.engine.base"), sys.modules.get("sqlalchemy.pool.impl")
    if base is None or pools is None:
        return
    for engine in instances(base.Engine):
        if isinstance(engine.pool, pools.QueuePool) and not engine.dialect.is_async:
            engine.dispose()
