"""`numpy.random`'s global state. Generators that the program made (`default_rng`, `RandomState`) are its own."""

import sys

# The whole state of a Mersenne Twister.
WORDS = 624
ENTROPY = 4 * WORDS


def prepare():
    mtrand = sys.modules.get("numpy.random.mtrand")
    if mtrand is None:
        return None
    state = mtrand._rand
    generator = state._bit_generator
    new, set_state = type(generator), state.set_state
    if new.__name__ == "MT19937":
        # `seed` would go through array arithmetic, which touches a hundred pages.
        key = {"key": None, "pos": WORDS}
        whole = {"bit_generator": new.__name__, "state": key, "has_gauss": 0, "gauss": 0.0}

        def renew(_environment, entropy):
            key["key"] = memoryview(entropy).cast("I")
            set_state(whole)

        return renew

    # Another generator, by numpy.random.set_bit_generator: it takes over the state of a new one.
    def renew_other(_environment, entropy):
        set_state({**new(int.from_bytes(entropy[:32], "little")).state, "has_gauss": 0, "gauss": 0.0})

    return renew_other
