"""The C library's time zone and `time.timezone`, `altzone`, `daylight`, `tzname`: as TZ and /etc/localtime now say."""

import time

ENTROPY = 0


def prepare():
    tzset = time.tzset

    def renew(_environment, _entropy):
        tzset()

    return renew
