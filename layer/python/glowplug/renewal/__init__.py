"""What must not stay as it was in the process image: prepared before the image is taken, renewed after each restore.

Each module here has one subject and `prepare()`. It looks for its library among what is loaded, puts aside what must
not be in the image, and returns what is to be done after a restore, a function of the new environment and of ENTROPY
fresh random bytes; or None, where nothing is. What can be prepared so that it renews itself when it is next used needs
no step after the restore. What need not be done before the first work is has LATE, and is left until `settle`.

`renew` is on every cold start's path: it imports nothing, searches nothing and touches few objects.
"""

import gc
import os

from . import (
    asyncio_,
    awslambdaric_,
    botocore_,
    connections,
    cryptography_,
    environment,
    logging_,
    numpy_,
    openssl,
    parallel,
    platform_,
    processes,
    random_,
    sqlalchemy_,
    sqlite_,
    streams,
    tempfile_,
    threads,
    timezone,
    uuid_,
    wiped,
)
from .refusals import RestoreRefused, SnapshotRefused

__all__ = ["RestoreRefused", "SnapshotRefused", "is_anything_left", "prepare", "renew", "settle"]

# In this order: refusals first; the environment before all that reads it; randomness before what might draw from it.
SUBJECTS = (
    asyncio_,
    environment,
    awslambdaric_,
    timezone,
    random_,
    openssl,
    cryptography_,
    numpy_,
    uuid_,
    tempfile_,
    sqlite_,
    threads,
    processes,
    platform_,
    botocore_,
    connections,
    sqlalchemy_,
    parallel,
    logging_,
    streams,
)

_urandom = os.urandom
_steps = []
# What comes before random bytes are drawn.
_first = []
# What comes when the first work is done.
_last = []


def prepare():
    """Prepares each subject. Call it once the before hooks have run, right before the image is taken.

    Frozen objects are unfrozen: only then can they be found. Freeze them again afterwards. The process goes on
    as ever if no image is taken. Raises `SnapshotRefused` where a restored process could not work.
    """
    gc.unfreeze()
    steps, size = [], 0
    _last.clear()
    for subject in SUBJECTS:
        try:
            step = subject.prepare()
        except SnapshotRefused:
            raise
        except Exception as error:
            raise SnapshotRefused(f"{_name(subject)}: cannot be prepared for an image ({error!r})") from error
        if step is not None and getattr(subject, "LATE", False):
            _last.append((subject, step))
        elif step is not None:
            steps.append((subject, step, slice(size, size + subject.ENTROPY)))
            size += subject.ENTROPY
    _steps[:] = steps
    # The last: nothing is drawn any more.
    try:
        wipe = wiped.prepare()
    except OSError as error:
        raise SnapshotRefused(f"{_name(wiped)}: cannot be prepared for an image ({error!r})") from error
    _first[:] = [wipe] if wipe is not None else []


def renew(environment):
    """Renews what was prepared, with the new process's environment, `{bytes: bytes}`. Call it first after a restore.

    C's `environ` has to be the new one already. Raises `RestoreRefused`: nothing of the function may run then.
    """
    for wipe in _first:
        try:
            wipe()
        except OSError as error:
            raise RestoreRefused(f"{_name(wiped)}: cannot be renewed ({error!r})") from error
    entropy = _urandom(_steps[-1][2].stop if _steps else 0)
    for subject, step, part in _steps:
        try:
            step(environment, entropy[part])
        except RestoreRefused:
            raise
        except Exception as error:
            raise RestoreRefused(f"{_name(subject)}: cannot be renewed ({error!r})") from error


def is_anything_left():
    """Whether `settle` has something to do."""
    return bool(_last)


def settle(environment):
    """Renews what was left until the first work is done, with the same environment.

    What fails is told, and stays as it is.
    """
    late = _last[:]
    _last.clear()
    for subject, step in late:
        try:
            step(environment, b"")
        except Exception as error:
            os.write(2, f"glowplug: {_name(subject)}: cannot be renewed ({error!r})\n".encode("utf-8", "replace"))


def _name(subject):
    return subject.__name__.rpartition(".")[2].rstrip("_")
