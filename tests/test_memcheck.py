"""The loader's unsafe code, under valgrind's memcheck."""

import shutil

import processes
import pytest

PROGRAM = """
import json, re, dataclasses, collections, threading, gc
import _glowplug
names = ["argparse", "asyncio", "email.message", "http.client", "logging.config", "unittest", "xml.dom.minidom"]
for thread in [threading.Thread(target=__import__, args=(name,)) for name in names]:
    thread.start()
    thread.join()
gc.collect()
print(json.dumps(_glowplug.status()["modules"]))
"""


def test_serving_modules_reads_and_writes_no_memory_that_is_not_ours(standard_library, tmp_path):
    assert shutil.which("valgrind"), "valgrind is missing; tests/setup/system_packages.py installs it where it may"
    log = tmp_path / "memcheck.txt"
    # Addresses only: some builds of CPython (3.11's `int.from_bytes`) have undefined values of their own.
    options = ("--tool=memcheck", "--leak-check=no", "--undef-value-errors=no", "--error-exitcode=99")
    valgrind = ("valgrind", *options, f"--log-file={log}")
    done = processes.run(
        *valgrind,
        processes.PYTHON,
        "-c",
        PROGRAM,
        GLOWPLUG_ARCHIVE=standard_library,
        # Each object a block of its own, so that memcheck sees its bounds.
        PYTHONMALLOC="malloc",
        timeout=600,
    )
    if "cannot be set up" in done.err + log.read_text():
        pytest.skip("this valgrind knows too little of this Python's C library (3.14 brings its own)")
    assert done.status == 0, log.read_text()
    if done.err:
        pytest.fail(done.err)
    assert int(done.out) > 60
