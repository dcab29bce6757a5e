"""asyncio.run: timers, tasks, executors, streams and subprocesses."""

import asyncio
import subprocess
import threading
import time


async def echo(reader, writer):
    writer.write((await reader.readline()).upper())
    await writer.drain()
    writer.close()


async def main():
    began = time.monotonic()
    assert await asyncio.gather(*(asyncio.sleep(0.02, n) for n in range(50))) == list(range(50))
    assert 0.02 <= time.monotonic() - began < 20
    assert await asyncio.get_running_loop().run_in_executor(None, threading.get_ident) != threading.get_ident()
    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    writer.write(b"around the loop\n")
    assert await reader.readline() == b"AROUND THE LOOP\n"
    writer.close()
    server.close()
    child = await asyncio.create_subprocess_exec("/bin/echo", "child", stdout=subprocess.PIPE)
    assert await child.communicate() == (b"child\n", None)
    try:
        await asyncio.wait_for(asyncio.sleep(60), 0.01)
    except asyncio.TimeoutError:
        return "done"


assert asyncio.run(main()) == "done"
assert asyncio.run(main()) == "done"
