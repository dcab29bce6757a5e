"""A loop of asyncio that is kept, with threads for what blocks; and one that runs in a thread of its own."""

import asyncio
import hashlib
import threading

LOOP = asyncio.new_event_loop()
BESIDE = asyncio.new_event_loop()
threading.Thread(target=BESIDE.run_forever, name="loop", daemon=True).start()


async def digests():
    calls = [LOOP.run_in_executor(None, hashlib.sha256, bytes([number]) * 100_000) for number in range(20)]
    return [digest.hexdigest()[:8] for digest in await asyncio.gather(*calls)]


async def doubled(number):
    await asyncio.sleep(0.01)
    return 2 * number


def work():
    there = asyncio.run_coroutine_threadsafe(doubled(21), BESIDE)
    return [LOOP.run_until_complete(digests()), there.result(30)]
