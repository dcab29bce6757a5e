"""Looks for a module that is not there, before its snapshot point and behind it."""

import json

import glowplug


def extra():
    try:
        import no_such_extra
    except ImportError:
        return None
    return no_such_extra.__name__


said = [extra()]
glowplug.snapshot_point()
said += [extra(), glowplug.status().get("late")]
try:
    import another_that_is_missing
except ImportError:
    another_that_is_missing = None
late = glowplug.status().get("late")
print(json.dumps({"said": said, "rung": glowplug.status()["rung"], "late": late and late["rung"]}))
