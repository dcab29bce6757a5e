"""Programs that prepare and renew, in the Python under test."""

import importlib.util
import json
import os
from pathlib import Path

import processes
import pytest

TWINS = Path(__file__).parent / "programs" / "twins.py"

# The package that the tests themselves find, also where it is not the installed one.
GLOWPLUG = Path(importlib.util.find_spec("glowplug").origin).parents[1]

needs_namespaces = pytest.mark.skipif(os.geteuid() != 0, reason="only root may make process namespaces")


def program(text, **variables):
    """Runs a program; what it printed as JSON."""
    done = processes.run(processes.PYTHON, "-c", text, PYTHONPATH=GLOWPLUG, **variables).silently()
    return json.loads(done.out)


def twins(before, draw, *, renewed=True, environments=({}, {})):
    """What two processes draw that share memory and process id, after the renewal or without one."""
    scenario = {"before": before, "draw": draw, "renewed": renewed, "environments": environments}
    done = processes.run(
        processes.PYTHON, TWINS, json.dumps(scenario), PYTHONPATH=GLOWPLUG, OPENBLAS_NUM_THREADS="1"
    ).silently()
    return json.loads(done.out)
