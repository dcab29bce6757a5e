"""The benchmark suite, as a user runs it.

What needs a browser or SAM's translator is collected only in the environment that has it: `make bench-check`.
"""

from importlib.util import find_spec

collect_ignore = []
if find_spec("playwright") is None:
    collect_ignore.append("browser")
if find_spec("samtranslator") is None:
    collect_ignore.append("cloud")
