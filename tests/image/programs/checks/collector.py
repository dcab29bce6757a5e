"""Garbage collection: new cycles, weak references, and what was frozen into the image."""

import gc
import weakref

from __main__ import CAUGHT, HELD


class Node:
    def __del__(self):
        CAUGHT.append("deleted")


def cycle():
    node = Node()
    node.itself = node
    return weakref.ref(node)


assert gc.isenabled()
reference = cycle()
assert gc.collect() >= 1
assert reference() is None
assert CAUGHT == ["deleted"]
frozen = gc.get_freeze_count()
assert frozen > 1000
gc.unfreeze()
gc.collect()
# What was imported since may have been frozen again (the loader); the collector puts immortal objects back (3.12).
assert gc.get_freeze_count() < frozen
assert any(each is HELD for each in gc.get_objects())
assert len(gc.get_objects()) > 1000
assert HELD[99] == {"held": [1, 2.5, "three"]}
counts = [generation["collections"] for generation in gc.get_stats()]
kept = [[n] for n in range(50_000)]
assert [generation["collections"] for generation in gc.get_stats()] != counts
