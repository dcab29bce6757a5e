"""Shared memory, child processes and timers."""

# ruff: noqa: PTH123 (pathlib must not be imported before the target imports it)

import posix

from glowplug_image import address_space, own_imports, owners, watch
from glowplug_image.obstacle import Obstacle

DELETED = " (deleted)"
CLEAR = "cancel it at the end of init, and set it in the handler"


def what_is_shared(mapping):
    path = mapping.path.removesuffix(DELETED)
    if path == "/dev/zero":
        return "anonymous memory"
    if path.startswith("/dev/shm/sem."):
        return f"the semaphore {path.removeprefix('/dev/shm/sem.')}"
    if path.startswith("/dev/shm/"):
        return f"the shared memory {path.removeprefix('/dev/shm/')}"
    if path.startswith("/memfd:"):
        return f"the memfd {path.removeprefix('/memfd:')}"
    if path.startswith("/SYSV"):
        return f"the System V shared memory {path.removeprefix('/SYSV')}"
    return path or "memory"


def shared_mappings():
    """Mappings that are shared and writable: what is written there is seen by others, or by nobody any more.

    Rings of an io_uring are left out: their descriptor stands in the way.
    """
    watched = watch.current
    found = []
    shared = [each for each in address_space.mappings() if each.shared and (each.writable or "/memfd:" in each.path)]
    shared = [each for each in shared if "[io_uring]" not in each.path]
    sizes = [(each.end - each.begin, each.path.removesuffix(DELETED)) for each in shared]
    for mapping, owner in zip(shared, watched.processes.owners_of_mappings(sizes), strict=True):
        size = mapping.end - mapping.begin
        semaphore = "/sem." in mapping.path
        if semaphore:
            remedy = "make locks and queues of multiprocessing in the handler"
        elif mapping.path.startswith("/dev/zero"):
            remedy = "pass mmap.MAP_PRIVATE, or map it in the handler"
        else:
            remedy = "map it in the handler, or read the file into memory"
        what = f"{what_is_shared(mapping)} is mapped shared and writable ({size} bytes)"
        found.append(
            Obstacle(
                "shared-mapping", what, remedy, semaphore_owner(semaphore) if semaphore else owner, path=mapping.path
            )
        )
    return found


def semaphore_owner(semaphore):
    """The module attribute that holds a lock of multiprocessing, where there is exactly one."""
    if not semaphore:
        return None
    gc = own_imports.load("gc")
    locks = [each for each in gc.get_objects() if type(each).__module__ == "multiprocessing.synchronize"]
    held = [held for held in map(owners.holder, locks) if held is not None]
    return owners.of_attribute(*held[0]) if len(held) == 1 else None


def processes():
    """Live and ended children: (process id, name, whether it has ended)."""
    own = posix.getpid()
    found = []
    for entry in posix.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            with open(f"/proc/{entry}/stat", encoding="utf-8", errors="replace") as file:
                text = file.read()
        except OSError:
            continue
        name = text[text.index("(") + 1 : text.rindex(")")]
        state, parent = text[text.rindex(")") + 2 :].split()[:2]
        if int(parent) == own:
            found.append((int(entry), program(entry) or name, state in "ZX"))
    return found


def program(process):
    """A process's program by its command line; multiprocessing's helpers by their modules."""
    with open(f"/proc/{process}/cmdline", "rb") as file:
        words = file.read().decode("utf-8", "replace").split("\0")
    for helper in ("resource_tracker", "forkserver"):
        if any(f"multiprocessing.{helper}" in word for word in words[1:]):
            return f"multiprocessing.{helper}"
    return words[0].rpartition("/")[2]


def children():
    """Child processes: a restored function is not their parent."""
    found = []
    for process, name, ended in processes():
        owner = watch.current.processes.owner_of(name) or semaphore_owner(name.startswith("multiprocessing."))
        if ended:
            what = f"the child process {name} (pid {process}) has ended and was not waited for"
            remedy = "wait for it: after a restore it is nobody's child"
        else:
            what = f"the child process {name} (pid {process}) is running"
            remedy = "end it at the end of init, or start it in the handler"
        found.append(Obstacle("child-process", what, remedy, owner, fatal=not ended, pid=process))
    return found


def timers():
    """POSIX timers (/proc/self/timers) and interval timers."""
    found = []
    try:
        with open("/proc/self/timers", encoding="utf-8") as file:
            numbers = [line.split()[1] for line in file if line.startswith("ID:")]
    except OSError:
        numbers = []
    for number in numbers:
        found.append(Obstacle("timer", f"the POSIX timer {number} exists", CLEAR))
    calls = watch.current.calls.timers
    signal = own_imports.load("_signal")
    for name in ("ITIMER_REAL", "ITIMER_VIRTUAL", "ITIMER_PROF"):
        value, _ = signal.getitimer(getattr(signal, name))
        if value:
            what = f"the timer {name} goes off in {value:.0f} s (signal.setitimer, signal.alarm)"
            found.append(Obstacle("timer", what, CLEAR, calls[-1] if calls else None))
    return found


def find():
    return shared_mappings() + children() + timers()
