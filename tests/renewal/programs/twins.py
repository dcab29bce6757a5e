"""Two processes with the same memory and the same process id, as two restores of one image have.

    python twins.py SCENARIO

SCENARIO is JSON: `before` (code, run once), `renewed` (whether the renewal runs), `environments` (one for each twin)
and `draw` (code, run in each twin; it leaves `result`). The results are printed as a JSON list.

A process becomes the first of a new process namespace, runs `before`, and is copied twice into further namespaces: all
three have the process id 1. The copies are made by the bare system call, so that nothing registered for forks runs.
"""

import ctypes
import json
import os
import platform
import signal
import sys
import traceback

LIBC = ctypes.PyDLL(None, use_errno=True)
CLONE = {"x86_64": 56, "aarch64": 220}[platform.machine()]
CLONE_NEWPID = 0x20000000


def copied():
    """Goes on in this process and in a copy of it; returns the copy's id, and 0 in the copy."""
    child = LIBC.syscall(CLONE, ctypes.c_long(CLONE_NEWPID | signal.SIGCHLD), None, None, None, None)
    if child < 0:
        raise OSError(ctypes.get_errno(), "clone")
    return child


def in_copy(work, argument):
    """What `work(argument)` returns in a copy of this process."""
    reading, writing = os.pipe()
    child = copied()
    if child == 0:
        status = 1
        try:
            os.write(writing, json.dumps(work(argument)).encode())
            status = 0
        except BaseException:
            traceback.print_exc()
            sys.stderr.flush()
        os._exit(status)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        said = pipe.read()
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if status:
        raise SystemExit(status)
    return json.loads(said)


def restored(environment):
    """What a restore does before the renewal: C has the new environment."""
    LIBC.clearenv()
    for name, value in environment.items():
        os.putenv(name, value)
    return {os.fsencode(name): os.fsencode(value) for name, value in environment.items()}


def image(scenario):
    """The life of the process that is copied."""
    assert os.getpid() == 1
    names = {}
    exec(scenario["before"], names)
    if scenario["renewed"]:
        from glowplug import renewal

        renewal.prepare()

    def life(environment):
        """That of one twin."""
        assert os.getpid() == 1
        new = restored(environment)
        if scenario["renewed"]:
            renewal.renew(new)
        exec(scenario["draw"], names)
        return names["result"]

    return [in_copy(life, environment) for environment in scenario["environments"]]


if __name__ == "__main__":
    scenario = json.loads(sys.argv[1])
    print(json.dumps(in_copy(image, scenario)))
