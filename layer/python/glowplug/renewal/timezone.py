"""The C library's time zone and `time.timezone`, `altzone`, `daylight`, `tzname`: as TZ and /etc/localtime now say."""

import os
import time

ENTROPY = 0


def prepare():
    tzset = time.tzset
    tzset()
    set_to = os.environb.get(b"TZ")

    def renew(environment, _):
        # Without TZ it is a file of the machine that decides, and this may be another machine.
        if set_to is None or environment.get(b"TZ") != set_to:
            tzset()

    return renew
