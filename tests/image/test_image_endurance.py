"""A few of the restores that `endurance.py` makes thousands of."""

import endurance
import pytest

RESTORES = 10


@pytest.mark.parametrize("name", ("work_boto3", "work_fastapi"))
def test_restores_in_a_row_do_not_fail(name, workshop):
    assert endurance.endure(workshop, name, RESTORES) == 0
