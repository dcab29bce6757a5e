"""`threading`: the native id of the thread that goes on after a restore."""

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
