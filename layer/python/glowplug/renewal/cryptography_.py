"""The OpenSSL that is linked into `cryptography`'s binary, out of reach of `ssl`. Its CFFI binding has `RAND_add`."""

import sys

ENTROPY = 32


def prepare():
    rust = sys.modules.get("cryptography.hazmat.bindings._rust")
    if rust is None:
        return None
    add = rust._openssl.lib.RAND_add
    # Makes the generator, where nobody has yet.
    add(b"image", 5, 0.0)

    def renew(_environment, entropy):
        add(entropy, ENTROPY, float(ENTROPY))

    return renew
