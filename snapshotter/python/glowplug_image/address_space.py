"""The mappings of this process (proc(5), /proc/pid/maps)."""

# ruff: noqa: PTH123 (pathlib must not be imported before the target imports it)


class Mapping:
    """One line of the list."""

    def __init__(self, line):
        fields = line.rstrip("\n").split(None, 5)
        begin, _, end = fields[0].partition("-")
        self.begin, self.end = int(begin, 16), int(end, 16)
        self.permissions = fields[1]
        self.inode = int(fields[4])
        self.path = fields[5] if len(fields) == 6 else ""

    def __contains__(self, address):
        return self.begin <= address < self.end

    @property
    def name(self):
        return self.path.rpartition("/")[2]

    @property
    def shared(self):
        return "s" in self.permissions

    @property
    def executable(self):
        return "x" in self.permissions

    @property
    def writable(self):
        return "w" in self.permissions


def mappings():
    """All mappings in address order."""
    with open("/proc/self/maps", encoding="utf-8", errors="surrogateescape") as file:
        return [Mapping(line) for line in file]


def words(begin, end):
    """The 8-byte words of a readable range of this process's memory."""
    with open("/proc/self/mem", "rb", 0) as file:
        file.seek(begin)
        content = file.read(end - begin)
    return memoryview(content[: len(content) & ~7]).cast("Q")
