"""The README's table is that of the committed results."""

import pytest
import readme_table
from processes import COMMAND

pytestmark = pytest.mark.once


def test_the_readme_has_the_table_of_the_committed_results():
    text = readme_table.README.read_text()
    assert readme_table.with_table(text, readme_table.table([COMMAND, "bench"])) == text


def test_another_figure_would_be_seen():
    text = readme_table.README.read_text()
    wanted = readme_table.table([COMMAND, "bench"])
    assert "| plain | code | image |" in wanted
    damaged = text.replace(wanted, wanted.replace(" ms", " s", 1))
    assert damaged != text
    assert readme_table.with_table(damaged, wanted) == text
