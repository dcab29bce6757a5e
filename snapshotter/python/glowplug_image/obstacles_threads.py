"""Threads beside the main one, each with the library that runs it and who started it."""

# ruff: noqa: PTH123 (pathlib must not be imported before the target imports it)

import posix
import sys
import time

from glowplug_image import address_space, watch
from glowplug_image.obstacle import Obstacle

# Threads that are about to end (they are joined by a lock, not by the kernel) get this long.
SETTLING, PAUSE = 0.2, 0.005
STACK_DEPTH = 1 << 16
# Their code is on the stack of every thread.
RUNTIME = ("libc.so", "libc-", "libpthread", "ld-linux", "libpython", "python3", "python", "libstdc++", "libgcc_s")

START_LATER = "start it in the handler, when it is first needed, or stop it in a before_snapshot hook"
# What keeps a library from starting its threads at import, by a part of its file's or package's name.
REMEDIES = {
    "openblas": "set OPENBLAS_NUM_THREADS=1 for the function and with --env",
    "gomp": "set OMP_NUM_THREADS=1 for the function and with --env",
    "iomp": "set OMP_NUM_THREADS=1 for the function and with --env",
    "mkl": "set MKL_NUM_THREADS=1 for the function and with --env",
    "polars": "polars starts its threads at import: import it in the handler, or use the code archive",
    "arrow": "pyarrow starts its threads at import: import it in the handler, or use the code archive",
    "duckdb": "connect in the handler, or with config={'threads': 1}",
    "jax": "compute in the handler only: jax starts its threads when it is first used",
    "grpc": "make the channel in the handler",
}


def tasks():
    """Ids of the threads beside the main one."""
    own = posix.getpid()
    return {int(task) for task in posix.listdir("/proc/self/task")} - {own}


def settled():
    """The threads that are still there after a moment; threads that were ending have ended."""
    found = tasks()
    python = {thread.native_id for thread in python_threads()}
    until = time.monotonic() + SETTLING
    while found - python and time.monotonic() < until:
        time.sleep(PAUSE)
        found &= tasks()
    return found | tasks()


def python_threads():
    """The live `threading.Thread`s beside the main one."""
    threading = sys.modules.get("threading")
    if threading is None:
        return []
    return [thread for thread in threading.enumerate() if thread is not threading.main_thread()]


def read(path):
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read().strip()
    except OSError:
        return ""


def stack(task, mappings):
    """The range of a waiting thread's stack that is in use and its stack's mapping, or None."""
    words = read(f"/proc/self/task/{task}/syscall").split()
    if len(words) < 3 or not words[-2].startswith("0x"):
        return None
    pointer = int(words[-2], 16)
    mapping = next((mapping for mapping in mappings if pointer in mapping), None)
    return None if mapping is None else (pointer & ~7, mapping)


def library(task, mappings):
    """The shared library that most return addresses on a thread's stack lie in, but for the C library's; or None."""
    found = stack(task, mappings)
    if found is None:
        return None
    pointer, mapping = found
    code = [each for each in mappings if each.executable and each.path.startswith("/")]
    counts = {}
    try:
        # The far end holds the thread's control block with its start routine.
        ends = {(pointer, min(mapping.end, pointer + STACK_DEPTH)), (max(pointer, mapping.end - 8192), mapping.end)}
        for begin, end in ends:
            for word in address_space.words(begin, end):
                name = next((each.name for each in code if word in each), None) if word > 4096 else None
                if name is not None and not name.startswith(RUNTIME):
                    counts[name] = counts.get(name, 0) + 1
    except (OSError, OverflowError, ValueError):
        return None
    return max(counts, key=counts.get) if counts else None


def of_raw(task, mappings):
    """Whether a thread runs Python code: an ident of `sys._current_frames` lies on its stack's mapping."""
    found = stack(task, mappings)
    return found is not None and any(ident in found[1] for ident in sys._current_frames())


def remedy(*names):
    """What can be done about a library's threads."""
    for part, text in REMEDIES.items():
        if any(part in (name or "").lower() for name in names):
            return text
    return START_LATER


def find():
    """One obstacle for each group of threads that have name, library and owner in common."""
    watched = watch.current
    present = settled()
    if not present:
        return []
    watched.appearances.look(None)
    mappings = address_space.mappings()
    by_id = {thread.native_id: thread for thread in python_threads()}
    groups = {}
    for task in sorted(present):
        name = read(f"/proc/self/task/{task}/comm")
        thread = by_id.get(task)
        owner = watched.appearances.owner_of_task(task)
        where = None
        if thread is not None:
            daemon = "daemon " if thread.daemon else ""
            what = f"the {daemon}thread {thread.name!r} is running"
            owner = watched.threads.owner_of(thread) or owner
        elif of_raw(task, mappings):
            started = watched.threads.raw()
            names = ", ".join(sorted({function for function, _ in started}))
            what = f"a thread is running that _thread started ({names or 'unknown function'})"
            owner = started[-1][1] if started else owner
        else:
            where = library(task, mappings)
            what = f"the thread {name!r} of {where or 'an unknown library'} is running"
        key = (what, owner and (owner["file"], owner["line"]))
        groups.setdefault(key, (where, owner, []))[2].append((task, name))
    return [obstacle(what, *group) for (what, _), group in groups.items()]


def obstacle(what, where, owner, members):
    count = len(members)
    if count > 1:
        what = f"{count} times: {what}"
    names = (where, (owner or {}).get("library"), (owner or {}).get("module"), members[0][1])
    return Obstacle(
        "thread", what, remedy(*names), owner, library=where, count=count,
        tasks=[task for task, _ in members], thread=members[0][1],
    )  # fmt: skip
