"""Loops that were made at init: an idle one goes on after a restore, a running one refuses the image."""

import restores

LOOP = "import asyncio, json, time\nfrom glowplug import renewal\n"


def test_an_idle_loop_goes_on():
    assert (
        restores.program(
            LOOP
            + """
loop = asyncio.new_event_loop()
loop.run_until_complete(asyncio.sleep(0))
renewal.prepare()
renewal.renew({})
async def work():
    await asyncio.sleep(0)
    return await loop.run_in_executor(None, lambda: "done")
print(json.dumps(loop.run_until_complete(work())))
"""
        )
        == "done"
    )


def test_timers_keep_the_time_that_they_had_left():
    early, order = restores.program(
        LOOP
        + """
loop = asyncio.new_event_loop()
order = []
for delay in (0.4, 0.2, 0.3):
    loop.call_later(delay, order.append, delay)
loop.call_later(0.45, loop.stop)
renewal.prepare()
time.sleep(0.5)
renewal.renew({})
began = time.monotonic()
loop.run_forever()
print(json.dumps([time.monotonic() - began < 0.4, order]))
"""
    )
    assert not early
    assert order == [0.2, 0.3, 0.4]


@restores.needs_namespaces
def test_timers_end_on_a_machine_whose_clock_began_later():
    """Where the monotonic clock is another boot's, a timer that was not shifted would end hours later."""
    assert (
        restores.program(
            LOOP
            + """
import ctypes, os, sys
loop = asyncio.new_event_loop()
loop.call_later(0.1, loop.stop)
renewal.prepare()
before = time.monotonic()
libc = ctypes.PyDLL(None)
assert libc.unshare(0x80) == 0  # CLONE_NEWTIME: the next child's clocks.
with open("/proc/self/timens_offsets", "w") as offsets:
    offsets.write(f"monotonic -{int(before) - 1} 0")
sys.stdout.flush()
child = os.fork()
if child == 0:
    assert time.monotonic() < before
    renewal.renew({})
    began = time.monotonic()
    loop.run_forever()
    print(json.dumps(time.monotonic() - began < 5))
    sys.stdout.flush()
    os._exit(0)
os.waitpid(child, 0)
""",
            timeout=60,
        )
        is True
    )


def test_a_running_loop_refuses_the_image():
    assert (
        restores.program(
            LOOP
            + """
async def main():
    try:
        renewal.prepare()
    except renewal.SnapshotRefused as error:
        return str(error)
print(json.dumps(asyncio.run(main())))
"""
        )
        == "an asyncio loop is running: take the image outside of its callbacks"
    )
