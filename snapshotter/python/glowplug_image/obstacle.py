"""What stands in the way of a process image, or is worth knowing about it."""


class Obstacle:
    """One finding: its kind, what it is, who made it, what can be done, and whether it forbids an image."""

    def __init__(self, kind, what, remedy, owner=None, *, library=None, fatal=True, **facts):
        owner = owner or {}
        self.kind = kind
        self.what = what
        self.remedy = remedy
        self.fatal = fatal
        self.module = owner.get("module")
        self.file = owner.get("file")
        self.line = owner.get("line")
        self.through = owner.get("through")
        self.library = library or owner.get("library")
        self.facts = facts

    def to_json(self):
        """This as a dictionary of what JSON has."""
        return {
            "kind": self.kind,
            "what": printable(self.what),
            "module": self.module,
            "file": printable(self.file),
            "line": self.line,
            "library": self.library,
            "through": self.through and {key: printable(value) for key, value in self.through.items()},
            "remedy": self.remedy,
            "fatal": self.fatal,
            **self.facts,
        }

    def __repr__(self):
        return f"<{self.kind}: {self.what}>"


def printable(value):
    """A string that UTF-8 can write: file names need not be."""
    return value.encode("utf-8", "backslashreplace").decode() if isinstance(value, str) else value
