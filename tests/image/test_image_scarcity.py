"""Where memory, descriptors, pipes, system calls or room in `/tmp` are scarce."""

import json
import resource
import sys
from pathlib import Path

import images
import pytest
from image_section import MAPPINGS, ImageFile

# Bits of a mapping's advice: MADV_DONTFORK, MADV_WIPEONFORK.
KEPT_FROM_CHILDREN = 0b11


@pytest.fixture
def tight(workshop):
    """The image of a program that has something of all that; see `programs/tight.py`."""
    return workshop["tight"]


def said(done):
    return json.loads(done.silently().out)


def limit(kind, amount):
    return lambda: resource.setrlimit(kind, (amount, amount))


def test_where_there_is_enough(tight):
    found = said(tight.start())
    assert (found["rung"], found["read"], found["blocks"], found["child_has"]) == ("image", 60000, True, 0)


def test_a_limit_of_data_that_the_image_does_not_keep_to(tight, falls_back):
    reason = "the image's memory cannot be mapped: no memory (RLIMIT_AS, RLIMIT_DATA"
    falls_back(reason, image=tight, preexec_fn=limit(resource.RLIMIT_DATA, 80 << 20))


def test_a_low_limit_of_open_files(tight):
    found = said(tight.start(preexec_fn=limit(resource.RLIMIT_NOFILE, 70)))
    assert (found["rung"], found["read"], found["blocks"]) == ("image", 60000, True)
    assert found["pipe"] == said(tight.start())["pipe"]


def test_a_limit_of_open_files_below_what_it_has_open(tight, falls_back):
    reason = "an open file cannot be made again: too many open files (RLIMIT_NOFILE?)"
    falls_back(reason, image=tight, preexec_fn=limit(resource.RLIMIT_NOFILE, 40))


def test_there_is_a_latch_under_a_low_limit_of_open_files(small, tmp_path):
    latch = tmp_path / ImageFile(small.archive).latch
    variables = {"TMPDIR": tmp_path, "AFTER_RESTORE": "kill"}
    assert small.start(variables=variables, preexec_fn=limit(resource.RLIMIT_NOFILE, 30)).status == -9
    assert latch.stat().st_size > 0


@images.needs_root
def test_a_pipe_that_is_smaller_here(tight, workshop, falls_back):
    if int(Path("/proc/sys/fs/pipe-user-pages-soft").read_text()) == 0:
        pytest.skip("pipes are never smaller on this machine (fs.pipe-user-pages-soft)")
    # A user of whose pipes the kernel keeps account, but who may read everything, as this one.
    user = ("setpriv", "--reuid=65533", "--inh-caps=+dac_override", "--ambient-caps=+dac_override")
    prefix = (*user, sys.executable, "-I", "-S", workshop.programs / "many_pipes.py")
    reason = "a pipe or socket pair cannot hold what it held"
    assert falls_back(reason, image=tight, prefix=prefix, timeout=60)["read"] < 60000


def without_madvise(workshop):
    return {"prefix": (sys.executable, "-I", "-S", workshop.programs / "filtered.py", "--deny-madvise")}


def test_memory_that_cannot_be_kept_from_children(tight, workshop, falls_back):
    falls_back("memory cannot be kept from child processes (madvise)", image=tight, **without_madvise(workshop))


def test_an_image_that_has_no_such_memory_does_without_madvise(small, workshop, falls_back):
    if any(row[6] & KEPT_FROM_CHILDREN for _, row in ImageFile(small.archive).rows(MAPPINGS)):
        # The C library's (glibc 2.41 and later, on kernels that have it).
        falls_back("memory cannot be kept from child processes (madvise)", **without_madvise(workshop))
    else:
        assert said(small.start(**without_madvise(workshop)))["rung"] == "image"


@images.needs_root
def test_a_full_folder_for_the_latch(small, workshop):
    folder = workshop.folder / "full"
    folder.mkdir()
    script = f'mount -t tmpfs -o size=64k none {folder}; cat /dev/zero >{folder}/filling 2>/dev/null; exec "$@"'
    prefix = ("unshare", "--mount", "/bin/sh", "-c", script, "sh")
    assert said(small.start(prefix=prefix, variables={"TMPDIR": folder}))["rung"] == "image"


def test_a_folder_for_the_latch_that_is_not_there(small, workshop):
    assert said(small.start(variables={"TMPDIR": workshop.folder / "nowhere"}))["rung"] == "image"
