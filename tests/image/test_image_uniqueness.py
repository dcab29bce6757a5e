"""No two restores of an image draw the same; `endurance.py` does this with a thousand."""

import images
import pytest
import uniqueness

RESTORES = 30
SOURCES = 13


@pytest.fixture(scope="module")
def draws(workshop):
    return workshop["draws"]


@pytest.mark.parametrize("same_pid", [False, pytest.param(True, marks=images.needs_root)])
def test_no_value_is_drawn_twice(same_pid, draws):
    values = uniqueness.drawn(draws, RESTORES, same_pid=same_pid)
    assert {len(found) for found in values.values()} == {2 * RESTORES}
    assert len(values) == SOURCES
    assert uniqueness.repeated(values) == {}
