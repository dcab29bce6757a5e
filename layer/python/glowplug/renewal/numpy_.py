"""`numpy.random`'s global state. Generators that the program made (`default_rng`, `RandomState`) are its own."""

import sys

ENTROPY = 32


def prepare():
    mtrand = sys.modules.get("numpy.random.mtrand")
    if mtrand is None:
        return None
    state = mtrand._rand
    numpy = sys.modules["numpy"]
    frombuffer, words = numpy.frombuffer, numpy.dtype("uint32")
    if type(state._bit_generator).__name__ == "MT19937":
        seed = state.seed

        def renew(_environment, entropy):
            seed(frombuffer(entropy, words))

        return renew

    # Another generator, by numpy.random.set_bit_generator: it takes over the state of a new one.
    generator = state._bit_generator
    new = type(generator)

    def renew_other(_environment, entropy):
        generator.state = new(frombuffer(entropy, words)).state

    return renew_other
