"""Leaves objects in reference cycles to the end, some from before the snapshot point, and an open file."""

import os

import glowplug


class Node:
    """Says when it is freed, without anything that may be gone by then."""

    def __init__(self, name):
        self.name = name
        self.itself = self

    def __del__(self, write=os.write):
        write(1, b"%s is freed\n" % self.name)


EARLY = Node(b"early")
glowplug.snapshot_point()
LATE = Node(b"late")
# In a module that is itself in a cycle, with the functions that know it.
FILE = open(os.environ.get("LEFT", os.devnull), "w")  # noqa: PTH123, SIM115 (stays open)
FILE.write("written")
print("done", flush=True)
