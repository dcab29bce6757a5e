"""What fails after the restore: a hook says no, a hook fails, the process dies."""

import json
import signal
from pathlib import Path

import pytest
from image_section import ImageFile


@pytest.fixture
def latch(small, tmp_path):
    """Where the latch of the image lies; this test's own."""
    yield Path(tmp_path, ImageFile(small.archive).latch)


def started(small, latch, **variables):
    return small.start(variables={"TMPDIR": latch.parent, **variables})


def rung(done):
    return json.loads(done.succeeded().out)["rung"]


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("refuse", "RestoreRefused: the hook does not like it here"),
        ("fail", "KeyError: 'a bug in a hook'"),
    ],
)
def test_a_hook_that_raises_makes_the_start_use_the_code_archive(how, words, falls_back, small, latch):
    said = falls_back(words, variables={"AFTER_RESTORE": how, "TMPDIR": latch.parent})
    assert said["shape"] is None
    # That is not a crash.
    assert latch.stat().st_size == 0
    assert rung(started(small, latch)) == "image"


@pytest.mark.parametrize(("how", "number"), [("abort", signal.SIGABRT), ("kill", signal.SIGKILL)])
def test_after_a_crash_the_next_start_uses_the_code_archive(how, number, small, latch):
    assert rung(started(small, latch)) == "image"
    assert latch.stat().st_size == 0
    assert started(small, latch, AFTER_RESTORE=how).status == -number
    assert latch.stat().st_size > 0
    for _ in range(2):
        # The image is not even tried, so the hook does not run.
        done = started(small, latch, AFTER_RESTORE=how)
        assert rung(done) == "code"
        (line,) = done.lines
        assert f"the last start from it crashed (remove this file to try again): {latch};" in line
    latch.unlink()
    assert rung(started(small, latch)) == "image"


def test_a_death_later_on_is_the_programs_own(small, latch):
    assert started(small, latch, AFTER_WORK="kill").status == -signal.SIGKILL
    assert rung(started(small, latch)) == "image"


def test_a_folder_for_the_latch_is_not_needed(small, latch):
    assert rung(small.restored(variables={"TMPDIR": "/nonexistent"})) == "image"


def test_the_latch_is_not_followed_elsewhere(small, latch):
    precious = latch.parent / "precious"
    precious.write_text("kept")
    latch.symlink_to(precious)
    assert rung(started(small, latch)) == "image"
    assert precious.read_text() == "kept"


def test_starts_at_once_do_not_take_each_other_for_crashed(small, latch):
    import concurrent.futures

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        done = list(pool.map(lambda _: started(small, latch), range(40)))
    assert {rung(one) for one in done} == {"image"}
    assert latch.stat().st_size == 0


def test_the_latch_is_closed_once_the_start_is_over(small, latch):
    done = started(small, latch)
    assert rung(done) == "image"
    assert [path.name for path in latch.parent.iterdir()] == [latch.name]
