"""`multiprocessing`: process ids that its objects remember, and the process's authentication key.

Only a key as long as the one that `multiprocessing` makes itself is renewed: a program's own is for others to know.
"""

import os
import sys

from .found import instances

ENTROPY = 32

# Attributes that hold the id of the process that made the object, or goes on with it.
OWNERS = (
    ("multiprocessing.process", "BaseProcess", "_parent_pid"),
    ("multiprocessing.util", "Finalize", "_pid"),
    ("multiprocessing.queues", "Queue", "_opid"),
    ("multiprocessing.heap", "Heap", "_lastpid"),
)


def prepare():
    process = sys.modules.get("multiprocessing.process")
    if process is None:
        return None
    getpid = os.getpid
    old = getpid()
    stale = []
    for module, name, attribute in OWNERS:
        if module in sys.modules:
            found = instances(getattr(sys.modules[module], name))
            stale += [(each.__dict__, attribute) for each in found if each.__dict__.get(attribute) == old]
    settings, key = process._current_process._config, process.AuthenticationString
    own_key = len(settings.get("authkey", b"")) == ENTROPY

    def renew(_environment, entropy):
        if own_key:
            settings["authkey"] = key(entropy)
        new = getpid()
        if new != old:
            for attributes, attribute in stale:
                attributes[attribute] = new

    return renew
