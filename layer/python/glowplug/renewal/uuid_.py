"""`uuid`: what `uuid1`, `uuid6` and `uuid7` remember. `uuid4` takes its bytes from the system each time.

The C library behind `uuid1` remembers its node and clock sequence where nobody reaches them. `uuid` does without it
afterwards, with a random node (RFC 9562, section 6.10); the UUIDs' `is_safe` is then `unknown`.
"""

import sys

ENTROPY = 6

MULTICAST = 1 << 40


def prepare():
    uuid = sys.modules.get("uuid")
    if uuid is None:
        return None
    attributes = uuid.__dict__
    times = [name for name in ("_last_timestamp", "_last_timestamp_v6", "_last_timestamp_v7") if name in attributes]

    def renew(_environment, entropy):
        attributes["_generate_time_safe"] = None
        attributes["_node"] = int.from_bytes(entropy, "little") | MULTICAST
        for name in times:
            attributes[name] = None

    return renew
