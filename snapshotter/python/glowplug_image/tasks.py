"""The threads of this process as the kernel shows them (proc(5), /proc/pid/task)."""

# ruff: noqa: PTH123 (pathlib must not be imported before the target imports it)

import posix
import sys

from glowplug_image import address_space, native, system_calls

STACK_DEPTH = 1 << 16
# Their code is on the stack of every thread.
RUNTIME = ("libc.so", "libc-", "libpthread", "ld-linux", "libpython", "python3", "python", "libstdc++", "libgcc_s")


def others():
    """Ids of the threads beside the main one."""
    own = posix.getpid()
    return {int(task) for task in posix.listdir("/proc/self/task")} - {own}


def read(task, name):
    """A file of a thread, or nothing if it has ended."""
    try:
        with open(f"/proc/self/task/{task}/{name}", encoding="utf-8", errors="replace") as file:
            return file.read().strip()
    except OSError:
        return ""


def calls(tasks):
    """The system calls that threads wait in: {task: call}, None for those that run, or have ended.

    With the dumper those that run Python code are seen to wait, as they do while an image is taken.
    """
    tasks = sorted(tasks)
    texts = native.dumper.calls_of(tasks) if native.dumper else [read(task, "syscall") for task in tasks]
    found = {}
    for task, text in zip(tasks, texts, strict=True):
        words = text.split()
        found[task] = system_calls.Call(words) if len(words) == 9 and words[0] != "-1" else None
    return found


def stack(task, mappings):
    """The range of a waiting thread's stack that is in use and its stack's mapping, or None."""
    words = read(task, "syscall").split()
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


def runs_python(task, mappings):
    """Whether a thread runs Python code: an ident of `sys._current_frames` lies on its stack's mapping."""
    found = stack(task, mappings)
    return found is not None and any(ident in found[1] for ident in sys._current_frames())
