"""Threads beside the main one: which cannot be carried, each with its name, library, call, and who started it.

A thread is carried if it waits for its own process or for time to pass. One that runs gets a second to come to rest;
Python code rests at the interpreter's lock, which is held while the image is taken.
"""

import posix
import sys
import time

from glowplug_image import address_space, native, own_imports, system_calls, tasks, watch
from glowplug_image.obstacle import Obstacle

# Whether images have threads in them.
CARRIED = True
# Threads that are about to end (they are joined by a lock, not by the kernel) get this long; so do calls that return.
SETTLING, PAUSE = 0.2, 0.005
# OpenBLAS's threads look for work for 0.1 s before they sleep.
REST = 1
RUNS = ("runs, and did not come to rest within a second", None)
NO_DIGITS = dict.fromkeys(map(ord, "0123456789"))

NO_REST = "have it wait for work at the end of init, or end it in a before_snapshot hook"
# What keeps a library from starting threads that calculate, by a part of its file's or package's name.
REMEDIES = {
    "openblas": "set OPENBLAS_NUM_THREADS=1 for the function and with --env",
    "gomp": "set OMP_NUM_THREADS=1 for the function and with --env, or OMP_WAIT_POLICY=passive",
    "iomp": "set OMP_NUM_THREADS=1 for the function and with --env, or KMP_BLOCKTIME=0",
    "mkl": "set MKL_NUM_THREADS=1 for the function and with --env",
}
LATER = "start it in the handler, when it is first needed, or end it in a before_snapshot hook"
MAIN = "call it in the main thread: a restored process begins with that one"


def settled():
    """The threads that are still there after a moment; threads that were ending have ended."""
    found = tasks.others()
    python = {thread.native_id for thread in python_threads()}
    until = time.monotonic() + SETTLING
    while found - python and time.monotonic() < until:
        time.sleep(PAUSE)
        found &= tasks.others()
    return found | tasks.others()


def python_threads():
    """The live `threading.Thread`s beside the main one."""
    threading = sys.modules.get("threading")
    if threading is None:
        return []
    return [thread for thread in threading.enumerate() if thread is not threading.main_thread()]


class Descriptors:
    """What is waited for at descriptors: those that are made again after a restore, and those from outside."""

    def __init__(self, records, obstacles):
        self.inside = {record["fd"]: record for record in records}
        self.outside = {obstacle.facts["fd"]: obstacle for obstacle in obstacles if "fd" in obstacle.facts}

    def of(self, call):
        """The descriptors that a call waits for."""
        try:
            return call.descriptors(address_space.words)
        except (OSError, OverflowError, ValueError, IndexError):  # the thread went on meanwhile
            return []

    def text(self, number):
        if number in self.outside:
            what = self.outside[number].what
        elif number in self.inside:
            what = self.inside[number].get("path")
        else:
            what = {0: "standard input", 1: "standard output", 2: "standard error"}.get(number)
        return f"descriptor {number}" + (f": {what}" if what else "")

    def remedy(self, number):
        return self.outside[number].remedy if number in self.outside else LATER


class Thread:
    """A thread: what it is, where it waits, and who started it."""

    def __init__(self, task, call, mappings, by_id):
        watched = watch.current
        self.call = call
        self.name = tasks.read(task, "comm")
        self.owner = watched.appearances.owner_of_task(task)
        self.library = None
        thread = by_id.get(task)
        if thread is not None:
            self.what = f"the {'daemon ' if thread.daemon else ''}thread {thread.name!r}"
            # From 3.14 on the kernel has the name too, its first 15 bytes.
            if self.name not in (thread.name, tasks.read("..", "comm")) and not thread.name.startswith(self.name):
                self.what += f" ({self.name})"
            self.owner = watched.threads.owner_of(thread) or self.owner
        elif tasks.runs_python(task, mappings):
            started = watched.threads.raw()
            names = ", ".join(sorted({function for function, _ in started}))
            self.what = f"a thread that _thread started ({names or 'unknown function'})"
            self.owner = started[-1][1] if started else self.owner
        else:
            self.library = tasks.library(task, mappings)
            self.what = f"the thread {self.name!r} of {self.library or 'an unknown library'}"

    @property
    def kind(self):
        """What threads of one pool have in common: a library's have numbers in their names."""
        return self.what.translate(NO_DIGITS) if self.library else self.what

    def obstacle(self, why, remedy, fatal, members):
        count = f"{len(members)} times: " if len(members) > 1 else ""
        return Obstacle(
            "thread", f"{count}{self.what} {why}", remedy, self.owner, library=self.library, fatal=fatal,
            count=len(members), tasks=members, thread=self.name, call=self.call and self.call.name,
        )  # fmt: skip

    def remedy(self, otherwise):
        """How the library does without a thread, or another remedy."""
        names = (self.library, (self.owner or {}).get("library"), (self.owner or {}).get("module"), self.name)
        for part, text in REMEDIES.items():
            if any(part in (name or "").lower() for name in names):
                return text
        return otherwise


def verdict(call, descriptors):
    """Why a thread cannot be carried that is in a system call, with the remedy, or None if it can; RUNS if it runs."""
    if call is None:
        return RUNS
    if call.name in system_calls.INSIDE:
        return None
    waited = descriptors.of(call)
    outside = [number for number in waited if number not in descriptors.inside]
    if not outside and call.name in system_calls.RESUMED:
        return None
    number = next(iter(outside or waited), None)
    where = "" if number is None else f" on {descriptors.text(number)}"
    return (f"waits in {call}{where}", system_calls.REMEDIES.get(call.name) or descriptors.remedy(number))


def resting(present, descriptors):
    """Looks at threads until each is at rest or has had its time: {task: (its call, why it cannot be carried)}."""
    begun = time.monotonic()
    found, left = {}, set(present)
    while left:
        passed = time.monotonic() - begun
        left &= tasks.others()
        found.update((task, (call, verdict(call, descriptors))) for task, call in tasks.calls(left).items())
        left = {task for task in left if (why := found[task][1]) and passed < (REST if why is RUNS else SETTLING)}
        time.sleep(PAUSE if left else 0)
    return found


def not_carried():
    """What only the kernel and the C library know to stand in the way of threads: {task: (why, remedy)}."""
    found = native.dumper.not_carried() if native.dumper else []
    return {task: (why, remedy) for task, why, remedy in found}


def find(descriptors):
    """One finding for each group of threads that have name, library, owner and fate in common."""
    own = own_imports.load("_thread").get_native_id()
    present = settled() - {own}
    watch.current.appearances.look(None)
    verdicts = resting(present, descriptors)
    hidden = not_carried()
    mappings = address_space.mappings()
    by_id = {thread.native_id: thread for thread in python_threads()}
    groups = {}
    for task in sorted(verdicts.keys() & tasks.others()):
        call, in_the_way = verdicts[task]
        in_the_way = in_the_way or hidden.get(task)
        thread = Thread(task, call, mappings, by_id)
        why, remedy = in_the_way or (("is carried", "") if CARRIED else ("is running", thread.remedy(LATER)))
        key = (thread.kind, why, thread.owner and (thread.owner["file"], thread.owner["line"]))
        group = groups.setdefault(
            key, (thread, why, remedy or thread.remedy(NO_REST), bool(in_the_way or not CARRIED), [])
        )
        group[-1].append(task)
    found = [
        thread.obstacle(why, remedy if fatal else "", fatal, members)
        for thread, why, remedy, fatal, members in groups.values()
    ]
    if own in hidden:
        why, remedy = hidden[own]
        found.append(Obstacle("thread", f"the main thread {why}", remedy))
    if own != posix.getpid():
        what = f"the snapshot point is in the thread {tasks.read(own, 'comm')!r}, which is not the main one"
        found.append(Obstacle("thread", what, MAIN))
    return found
