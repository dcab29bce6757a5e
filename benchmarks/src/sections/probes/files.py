"""Runs a program, then writes the files that it opened or mapped, and those read before it began.

Arguments: the program, and where to write the list.
"""

import sys

opened = set()


def note(event, arguments):
    """Every open() of Python's raises this event, that of a module's .pyc too."""
    if event == "open" and isinstance(arguments[0], str):
        opened.add(arguments[0])


sys.addaudithook(note)
exec(sys.argv[1], {"__name__": "__main__"})

with open("/proc/self/maps") as maps:  # noqa: PTH123
    opened |= {line.split(maxsplit=5)[5].rstrip("\n") for line in maps if "/" in line}
for module in list(sys.modules.values()):
    opened.add(getattr(getattr(module, "__spec__", None), "cached", None))
for folder in sys.path:
    opened.add(f"{folder}/glowplug.pth")
    opened.add(f"{folder}/pycds.pth")
opened.add(f"{sys.prefix}/pyvenv.cfg")
opened.discard(None)
with open(sys.argv[2], "w") as file:  # noqa: PTH123
    file.write("\0".join(map(str, opened)))
