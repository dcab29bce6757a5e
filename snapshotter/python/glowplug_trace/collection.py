"""Garbage collection held back while the target runs, as the loader holds it back while imports run.

So what is garbage in a start from the archive is still there when the target has run, and its code counts as kept:
a start could not give up the memory that it is in. How much garbage there is, the loader is told: where it is much,
collections are worth their time.
"""

# No count of objects reaches it, and no program sets it.
HELD = 2_147_418_113


class Collection:
    """The hold. `gc.get_threshold` says what it would without."""

    def begin(self):
        import gc

        self.gc = gc
        self.get_threshold = gc.get_threshold
        self.saved = gc.get_threshold()
        if self.saved[0] > 0:
            gc.set_threshold(HELD, *self.saved[1:])
            gc.get_threshold = self.thresholds

    def thresholds(self):
        """Stands in for `gc.get_threshold`."""
        first, *others = self.get_threshold()
        return (self.saved[0] if first == HELD else first, *others)

    def end(self):
        """Lets collections happen again, unless the target has set a threshold itself; returns how many objects
        were garbage, as far as they were kept from being collected.
        """
        self.gc.get_threshold = self.get_threshold
        if self.get_threshold()[0] != HELD:
            return 0
        self.gc.set_threshold(*self.saved)
        return self.gc.collect() if self.gc.isenabled() else 0
