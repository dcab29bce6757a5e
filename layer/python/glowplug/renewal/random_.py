"""`random`: the generator behind the module's functions. Other instances of `random.Random` are their owners'."""

import sys

ENTROPY = 32


def prepare():
    random = sys.modules.get("random")
    if random is None:
        return None
    seed = random._inst.seed

    def renew(_environment, entropy):
        # An integer: bytes would be hashed first.
        seed(int.from_bytes(entropy, "little"))

    return renew
