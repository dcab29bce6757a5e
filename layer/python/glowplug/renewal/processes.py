"""`multiprocessing`: process ids that its objects remember, the process's authentication key, and its resource tracker.

The tracker is a child process that outlives what it was started for, since CPython 3.14 for every lock. One that has
nothing to do is ended; the next lock starts another.
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
# What the tracker removes when this process ends.
TRACKED = (("multiprocessing.synchronize", "SemLock"), ("multiprocessing.shared_memory", "SharedMemory"))


def end_idle_tracker():
    module = sys.modules.get("multiprocessing.resource_tracker")
    if module is None or getattr(module._resource_tracker, "_pid", None) is None:
        return
    kinds = [getattr(sys.modules[name], kind) for name, kind in TRACKED if name in sys.modules]
    # It ends when no other child has its pipe any more.
    if children() == [module._resource_tracker._pid] and not any(instances(kind) for kind in kinds):
        module._resource_tracker._stop()


def children():
    """The ids of the child processes (proc_pid_task_children(5)); nothing where the kernel does not say."""
    try:
        return [int(process) for task in os.listdir("/proc/self/task") for process in children_of(task)]
    except OSError:
        return []


def children_of(task):
    with open(f"/proc/self/task/{task}/children", encoding="ascii") as file:
        return file.read().split()


def prepare():
    end_idle_tracker()
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
