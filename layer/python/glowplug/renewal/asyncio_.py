"""`asyncio`: idle loops stay, their descriptors are made again by the restore; timers keep what they had left.

A loop's clock is the machine's monotonic one, which starts anew with each boot.
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
    if not schedules:
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

    return renew
