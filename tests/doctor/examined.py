"""What the doctor's script found about a function."""

from pathlib import Path

SCRIPTS = Path(__file__).resolve().parents[2] / "snapshotter" / "python"


class Examined:
    """What was found about a function."""

    def __init__(self, result, root):
        self.obstacles = result["obstacles"]
        self.records = {record["fd"]: record for record in result["descriptors"]}
        self.environment = result["environment"]
        self.root = root

    def of_kind(self, kind):
        return [obstacle for obstacle in self.obstacles if obstacle["kind"] == kind]

    def only(self, kind):
        """The single obstacle of a kind."""
        found = self.of_kind(kind)
        assert len(found) == 1, self.obstacles
        return found[0]

    @property
    def fatal(self):
        return [obstacle for obstacle in self.obstacles if obstacle["fatal"]]

    def records_of(self, kind):
        return [record for record in self.records.values() if record["kind"] == kind]


def line_of(source, part):
    """The number of the source's line that contains a part."""
    return next(number for number, line in enumerate(source.splitlines(), 1) if part in line)
