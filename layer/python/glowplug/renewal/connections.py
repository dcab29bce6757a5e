"""Idle HTTP connections: closed before the image; their clients open new ones when they are next used.

Those of `http.client` are those of urllib3, requests and botocore too. Those of `httpcore` are httpx's. A connection
that is in the middle of something is left, and the image is refused for it.
"""

import sys

from .found import instances

ENTROPY = 0


def prepare():
    client = sys.modules.get("http.client")
    if client is not None:
        for connection in instances(client.HTTPConnection):
            if getattr(connection, "sock", None) is not None and _is_idle(connection, client):
                connection.close()
    httpcore = sys.modules.get("httpcore")
    if httpcore is not None:
        for pool in instances(httpcore.ConnectionPool):
            _drop_idle(pool, lambda connection: connection.close())
        for pool in instances(httpcore.AsyncConnectionPool):
            _drop_idle(pool, _close_async)


def _is_idle(connection, client):
    """Whether no response is awaited or half read (CPython Lib/http/client.py describes the states)."""
    response = connection._HTTPConnection__response
    return connection._HTTPConnection__state == client._CS_IDLE and (response is None or response.isclosed())


def _drop_idle(pool, close):
    """Closes a pool's idle connections and has it forget them."""
    idle = [connection for connection in pool._connections if connection.is_idle()]
    pool._connections = [connection for connection in pool._connections if connection not in idle]
    for connection in idle:
        close(connection)


def _close_async(connection):
    """Closes a connection of a loop that is not running: by that loop, or its socket where the loop is closed."""
    inner = connection
    while not hasattr(inner, "_network_stream"):
        inner = inner._connection
    stream = inner._network_stream
    loop = _loop_of(stream)
    if loop is not None and not loop.is_closed():
        loop.run_until_complete(connection.aclose())
        return
    raw = stream.get_extra_info("socket")
    if raw is not None:
        # asyncio hands out its socket in a wrapper.
        getattr(raw, "_sock", raw).close()


def _loop_of(stream):
    """The asyncio loop that a stream's transport belongs to, or None."""
    seen = stream
    while seen is not None:
        transport = getattr(seen, "_transport", None)
        if transport is not None:
            return getattr(transport, "_loop", None)
        seen = getattr(seen, "_stream", None) or getattr(seen, "transport_stream", None)
    return None
