"""`threading`: the native ids of the threads that go on after a restore."""

import sys

ENTROPY = 0


def prepare():
    threading = sys.modules.get("threading")
    if threading is None:
        return None
    set_native_id = threading.current_thread()._set_native_id

    def renew(_environment, _entropy):
        set_native_id()

    return renew


def renumber(pairs):
    """Gives threads their new native ids: `pairs` of old and new ones."""
    threading = sys.modules.get("threading")
    if threading is None or not pairs:
        return
    numbers = dict(pairs)
    for thread in threading.enumerate():
        number = numbers.get(thread._native_id)
        if number is not None:
            thread._native_id = number
