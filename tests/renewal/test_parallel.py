"""Libraries that calculate in parallel get their threads back."""

import os

import pytest
import restores

PROGRAM = """
import ctypes, json, os
import numpy
from glowplug import renewal
from glowplug.renewal.mapped import libraries

(path,) = [path for name in ("libscipy_openblas64_", "libopenblas64_", "libopenblas") for path in libraries(name)]
library = ctypes.CDLL(path)
names = [f"{prefix}openblas_get_num_threads{suffix}" for prefix in ("", "scipy_") for suffix in ("", "64_")]
(count,) = [getattr(library, name) for name in names if hasattr(library, name)]
found = [count()]
renewal.prepare()
environment = {name: value for name, value in os.environb.items() if not name.endswith(b"_NUM_THREADS")}
renewal.renew(environment)
found.append(count())
renewal.settle(environment)
found.append(count())
renewal.prepare()
renewal.settle({**environment, b"OPENBLAS_NUM_THREADS": b"3"})
found.append(count())
square = numpy.ones((400, 400))
print(json.dumps([found, float(square.dot(square)[0, 0])]))
"""


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="one processor: there are no threads to get back")
def test_openblas_gets_its_threads_back_when_the_first_work_is_done():
    found, product = restores.program(PROGRAM, OPENBLAS_NUM_THREADS="1")
    assert found == [1, 1, len(os.sched_getaffinity(0)), 3]
    assert product == 400.0
