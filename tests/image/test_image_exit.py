"""A restored process ends as a plain one does: status, output, atexit, traceback."""

import images
import pytest
from processes import same

WAYS = {"end": 0, "exit": 7, "message": 1, "raise": 1, "interrupt": -2, "_exit": 9, "terminate": -15, "thread": 0}


@pytest.fixture(scope="module")
def ends(workshop):
    return workshop["ends"]


@pytest.mark.parametrize("how", WAYS)
def test_it_ends_as_the_plain_process(how, ends):
    restored = ends.start(variables={"HOW": how})
    plain = images.run(ends.program, ends.folder, {**ends.variables, "HOW": how})
    same(restored, plain)
    assert restored.status == WAYS[how]
    assert ("first registered, last run" in restored.out) == (how not in ("_exit", "terminate"))


def test_a_tracebacks_lines_are_those_of_the_source(ends):
    done = ends.start(variables={"HOW": "raise"})
    assert 'raise ValueError("nobody catches this")' in done.err
    assert done.err.endswith("ValueError: nobody catches this\n")


def test_what_is_on_stdin_is_the_new_process_s(workshop):
    image = workshop["reads"]
    assert image.restored(stdin="one\ntwo\n").out == "ONE\nTWO\n"
    assert image.restored(stdin="").out == ""


def test_objects_in_cycles_are_freed_at_exit_also_those_of_the_image(workshop):
    image = workshop["cycles"]
    plain = images.run(image.program, image.folder, image.variables)
    same(image.start(), plain)
    assert plain.out.splitlines()[0] == "done"
    assert sorted(plain.out.splitlines()[1:]) == ["early is freed", "late is freed"]


def test_what_is_in_a_file_s_buffer_is_written_at_exit(workshop, tmp_path):
    workshop["cycles"].restored(variables={"LEFT": tmp_path / "left"})
    assert (tmp_path / "left").read_text() == "written"
