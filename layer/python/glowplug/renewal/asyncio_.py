"""`asyncio`: idle loops stay, their descriptors are made again by the restore; timers keep what they had left.

A loop's clock is the machine's monotonic one, which starts anew with each boot. Loops that run in other threads go on.
"""

import sys
import time

from .found import instances
from .refusals import SnapshotRefused

ENTROPY = 0


def prepare():
    if "asyncio.base_events" not in sys.modules:
        return None
    events = sys.modules["asyncio.events"]
    if events._get_running_loop() is not None:
        raise SnapshotRefused("an asyncio loop is running: take the image outside of its callbacks")
    loops = instances(sys.modules["asyncio.base_events"].BaseEventLoop)
    schedules = [loop._scheduled for loop in loops if not loop.is_closed() and loop._scheduled]
    # Before Python 3.12 a thread knows its running loop together with the process's id.
    set_running, running = events._set_running_loop, []
    if sys.version_info < (3, 12):
        running = [loop for loop in instances(events.AbstractEventLoop) if loop.is_running()]
    if not schedules and not running:
        return None
    monotonic = time.monotonic
    timers = [timer for schedule in schedules for timer in schedule]
    taken = monotonic()

    def renew(_environment, _entropy):
        nonlocal taken
        passed = monotonic() - taken
        taken += passed
        # All of them by the same: their order stays.
        for timer in timers:
            timer._when += passed
        # It is the first that such a loop does: it waited for work.
        for loop in running:
            loop.call_soon_threadsafe(set_running, loop)

    return renew
