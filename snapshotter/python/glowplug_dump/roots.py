"""The directories that paths in an archive are relative to."""

from pathlib import Path


class NoRootError(Exception):
    """A file lies under none of the directories of `sys.path`."""


class Roots:
    """The directories of `sys.path` in their order, each a root of the archive.

    Those that hold no module of the archive are roots too: the loader knows by them that the
    search went past a directory at snapshot time.
    """

    def __init__(self, search_path, function_root, stdlib, dumper):
        kinds = {stdlib: "stdlib", function_root: "function"}
        folders = [folder for folder in dict.fromkeys(search_path) if Path(folder).is_dir()]
        self.recorded = [{"path": folder, "kind": kinds.get(folder, "path")} for folder in folders]
        self.numbers = {root["path"]: dumper.add_root(**root) for root in self.recorded}

    def place(self, name, path, package):
        """Root number and relative path of a module's file."""
        tail = name.replace(".", "/") + ("/__init__" if package else "")
        for folder, number in self.numbers.items():
            if path.startswith(f"{folder}/{tail}."):
                return number, path[len(folder) + 1 :]
        above = [folder for folder in self.numbers if path.startswith(folder + "/")]
        if not above:
            raise NoRootError(f"{path} lies under no directory of sys.path")
        folder = max(above, key=len)
        return self.numbers[folder], path[len(folder) + 1 :]
