"""Draws from every source of what has to be unique, before its snapshot point and behind it."""

import json
import os
import random
import secrets
import ssl
import tempfile
import uuid

import glowplug
import numpy
from cryptography.hazmat.primitives.asymmetric import ec, ed25519


def temporary():
    number, path = tempfile.mkstemp()
    os.close(number)
    os.unlink(path)  # noqa: PTH108
    return path


def draw():
    key = ed25519.Ed25519PrivateKey.generate()
    return {
        "random": random.random(),
        "random-bits": random.getrandbits(64),
        "gauss": random.gauss(0, 1),
        "secrets": secrets.token_hex(16),
        "uuid1": str(uuid.uuid1()),
        "uuid4": str(uuid.uuid4()),
        "ssl": ssl.RAND_bytes(16).hex(),
        "numpy": float(numpy.random.rand()),
        "numpy-normal": float(numpy.random.standard_normal()),
        "tempfile": temporary(),
        "cryptography-ec": ec.generate_private_key(ec.SECP256R1()).private_numbers().private_value,
        "cryptography-ed25519": key.private_bytes_raw().hex(),
        "urandom": os.urandom(16).hex(),
    }


draw()
glowplug.snapshot_point()
print(json.dumps({"rung": glowplug.status()["rung"], "pid": os.getpid(), "draws": [draw(), draw()]}))
