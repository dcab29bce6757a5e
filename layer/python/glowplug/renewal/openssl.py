"""OpenSSL's random generators: that of `ssl`, and those of wheels that bring a `libcrypto` of their own.

OpenSSL reseeds by itself when the process id has changed, which after a restore it need not have. `RAND_add` reseeds
the primary generator from the system, and the threads' generators follow when they are next used, because they
compare counts (OpenSSL 3, providers/implementations/rands/drbg.c).
"""

import sys

from .mapped import libraries

ENTROPY = 32


def prepare():
    adders = []
    ssl = sys.modules.get("_ssl")
    if ssl is not None:
        adders.append(ssl.RAND_add)
    # The system's libcrypto is that of `ssl`; without `ssl` somebody else may draw from it. Wheels' own lie with them.
    others = [
        path
        for path in libraries("libcrypto")
        if ssl is None or "/site-packages/" in path or path.rpartition("/")[0].endswith(".libs")
    ]
    if others:
        import ctypes

        for path in others:
            add = getattr(ctypes.CDLL(path), "RAND_add", None)
            if add is not None:
                add.argtypes, add.restype = (ctypes.c_char_p, ctypes.c_int, ctypes.c_double), None
                adders.append(lambda entropy, amount, add=add: add(entropy, len(entropy), amount))
    if not adders:
        return None
    # Makes the generators, where nobody has yet: that takes a thousand times longer than to reseed them.
    for add in adders:
        add(b"image", 0.0)

    def renew(_environment, entropy):
        for add in adders:
            add(entropy, 32.0)

    return renew
