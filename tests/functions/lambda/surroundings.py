"""Says what a function can see of the way it was started."""

import os
import sys


def handler(event, context):
    import glowplug

    return {
        "argv": sys.argv,
        "orig_argv": sys.orig_argv,
        "path": sys.path,
        "environment": dict(os.environ),
        "main": sorted(vars(sys.modules["__main__"])),
        "event": type(event).__name__,
        "milliseconds_left": context.get_remaining_time_in_millis(),
        "arn": context.invoked_function_arn,
        "status": {key: str(value) for key, value in glowplug.status().items()},
    }
