"""Connections that were tried, whether or not they are still open."""

from glowplug_image import watch
from glowplug_image.obstacle import Obstacle
from glowplug_image.watch_network import FAMILIES

LATER = "connect in the handler, when it is first needed"


def find():
    """Connections of init forbid an image; those of the handler are known to be closed, or are found open."""
    network = watch.current.network
    found, seen = [], set()
    for attempt in network.attempts:
        owner, init = attempt["owner"], attempt["phase"] == "init"
        key = (attempt["address"], init, owner and (owner["file"], owner["line"]))
        if key in seen:
            continue
        seen.add(key)
        family = FAMILIES.get(attempt["family"], "socket")
        when = "init" if init else "the handler"
        what = f"{when} {attempt['verb']} {attempt['address']} ({family})"
        remedy = LATER if init else "nothing, if it is closed before the image is taken"
        found.append(Obstacle("connection", what, remedy, owner, fatal=init, remote=attempt["address"]))
    for lookup in network.lookups:
        owner, init = lookup["owner"], lookup["phase"] == "init"
        key = (lookup["host"], init, owner and (owner["file"], owner["line"]))
        if not init or key in seen:
            continue
        seen.add(key)
        what = f"init looked up the host name {lookup['host']}"
        found.append(Obstacle("name-lookup", what, LATER, owner, fatal=False, host=lookup["host"]))
    return found
