"""Everything that stands in the way of an image of this process, or is worth knowing about it."""

from glowplug_image import (
    descriptors,
    obstacles_kernel,
    obstacles_network,
    obstacles_threads,
    obstacles_values,
    watch,
)


def find(fresh_sockets=False):
    """All obstacles, those that forbid an image first. `fresh_sockets`: see `descriptors.found`."""
    with watch.quiet():
        records, others = descriptors.found(fresh_sockets)
        found = obstacles_threads.find(obstacles_threads.Descriptors(records, others)) + others
        found += obstacles_network.find()
        found += obstacles_kernel.find()
        found += obstacles_values.find()
    return sorted(found, key=lambda obstacle: not obstacle.fatal)
