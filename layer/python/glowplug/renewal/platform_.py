"""`platform`: its memory of the machine's name and kernel is emptied and fills itself again when asked."""

import sys

ENTROPY = 0


def prepare():
    platform = sys.modules.get("platform")
    if platform is not None:
        platform._uname_cache = None
        platform._platform_cache.clear()
