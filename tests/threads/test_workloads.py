"""Work that threads do, before an image is taken and right after it is restored: as in a plain start.

`make threads-check` has all libraries; elsewhere those are tried that the environment has.
"""

import importlib.util
import json
import os

import pytest
from bucket import Bucket

# What the standard library's threads do: cheap, so in one image.
PYTHON = "queue_consumer,ticker,timer,pools,asyncio_executor,queue_listener"
TWO_OF_OPENBLAS, TWO_OF_OPENMP = {"OPENBLAS_NUM_THREADS": "2"}, {"OMP_NUM_THREADS": "2"}
# By workload: the module that it needs, and the variables that the user gives.
LIBRARIES = {
    "polars_": ("polars", {}),
    "pyarrow_": ("pyarrow", {}),
    "duckdb_": ("duckdb", {}),
    "jax_": ("jax", {}),
    "numpy_blas": ("numpy", TWO_OF_OPENBLAS),
    "sklearn_": ("sklearn", {**TWO_OF_OPENBLAS, **TWO_OF_OPENMP}),
    "uvloop_": ("uvloop", {}),
    "opentelemetry_": ("opentelemetry.sdk", {}),
    "datadog_": ("datadog", {}),
}


def is_there(name):
    """Whether a module can be imported."""
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:
        return False


EVERYTHING = os.environ.get("GLOWPLUG_THREADS") == "all"
CHOSEN = [name for name, (module, _) in LIBRARIES.items() if EVERYTHING or is_there(module)]


def works_as_ever(workshop, name, *arguments, variables=None):
    """Makes sure that a workload's image comes to what a plain start comes to, with the same threads."""
    variables = variables or {}
    options = [part for pair in variables.items() for part in ("--env", "=".join(pair))]
    image = workshop.take(name.partition(",")[0], "work.py", name, *arguments, "leave", options=options)
    plain = json.loads(image.start(variables={**variables, "GLOWPLUG_MODE": "off"}).silently().out)
    restored = json.loads(image.restored(variables=variables).out)
    assert (plain["rung"], restored["rung"]) == ("plain", "image")
    assert restored["kept"]
    assert restored["first"] == restored["answer"] == plain["answer"]


@pytest.mark.ends
def test_threads_of_the_standard_library_go_on_with_their_work(workshop):
    works_as_ever(workshop, PYTHON)


def test_the_transfer_manager_goes_on_with_its_work(workshop):
    bucket = Bucket()
    try:
        works_as_ever(workshop, "boto3_transfer", bucket.url)
    finally:
        bucket.shutdown()
        bucket.server_close()


@pytest.mark.parametrize("name", CHOSEN)
def test_threads_of_a_library_go_on_with_their_work(name, workshop):
    works_as_ever(workshop, name, variables=LIBRARIES[name][1])


@pytest.mark.skipif("duckdb_" not in CHOSEN, reason="duckdb is among what `make threads-check` has")
def test_the_interpreters_exit_leaves_nothing_that_a_library_would_complain_of(workshop):
    """duckdb's bindings name on stderr what is not freed by then."""
    image = workshop.take("duckdb-exit", "work.py", "duckdb_")
    image.start(variables={"GLOWPLUG_MODE": "off"}).silently()
    image.restored()
