"""`random`: the generator behind the module's functions. Other instances of `random.Random` are their owners'."""

import sys

ENTROPY = 32


def prepare():
    random = sys.modules.get("random")
    if random is None:
        return None
    generator = random._inst
    # The C function: what it is overridden with would look at the kind of seed first.
    seed = super(random.Random, generator).seed

    def renew(_environment, entropy):
        seed(int.from_bytes(entropy, "little"))
        generator.gauss_next = None

    return renew
