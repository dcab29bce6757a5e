"""Names that the target tried to import and that are no modules: it may try again at each invocation."""

import sys
from importlib.util import find_spec


class Imports:
    """Names of modules that were looked for."""

    def __init__(self):
        self.names = set()
        self.events = {"import": self.looked_for}

    def looked_for(self, arguments, frame):
        # With a file name it is an extension module that was found (CPython's Python/import.c).
        name, file = arguments[:2]
        if file is None:
            self.names.add(name)

    def in_vain(self):
        """Those that no finder knows, now either."""
        return {name for name in self.names if name not in sys.modules and not is_there(name)}


def is_there(name):
    parent = name.rpartition(".")[0]
    if parent and parent not in sys.modules:
        # It would be imported.
        return True
    try:
        return find_spec(name) is not None
    except Exception:
        # A finder of the target's, or a parent that is no package: not known.
        return True
