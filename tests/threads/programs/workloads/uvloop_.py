"""uvloop: a loop that is kept, with a call from another thread, work for its executor, and a server for a moment."""

import asyncio
import threading
import time

import uvloop

LOOP = uvloop.new_event_loop()


async def echoed(text):
    async def answer(reader, writer):
        writer.write(await reader.readline())
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    writer.write(text + b"\n")
    line = await reader.readline()
    writer.close()
    server.close()
    await server.wait_closed()
    return line.decode().strip()


async def everything():
    called = LOOP.create_future()
    thread = threading.Thread(target=lambda: LOOP.call_soon_threadsafe(called.set_result, "called"))
    thread.start()
    slept = LOOP.run_in_executor(None, time.sleep, 0.02)
    result = [await called, await slept, await echoed(b"hello")]
    thread.join()
    return result


def work():
    return LOOP.run_until_complete(everything())
