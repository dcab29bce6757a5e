"""What two restores of one image draw differs, though their memory and their process ids are the same."""

import sys

import pytest
import restores

SOURCES = {
    "random": ("import random; random.random()", "result = random.random()"),
    "random-gauss": ("import random; random.gauss(0, 1)", "result = random.gauss(0, 1)"),
    "ssl": ("import ssl; ssl.RAND_bytes(8)", "result = ssl.RAND_bytes(16).hex()"),
    "ssl-private": (
        # A new key's: drawn from the generator for what stays secret, by CPython's own libcrypto.
        "import ssl, ctypes\n"
        "maps = [line.split()[-1] for line in open('/proc/self/maps') if 'libcrypto' in line]\n"
        "draw = ctypes.CDLL(maps[0]).RAND_priv_bytes\n"
        "bytes_drawn = ctypes.create_string_buffer(16)\n"
        "assert draw(bytes_drawn, 16) == 1",
        "draw(bytes_drawn, 16); result = bytes_drawn.raw.hex()",
    ),
    "cryptography": (
        "from cryptography.hazmat.primitives.asymmetric import ec\nec.generate_private_key(ec.SECP256R1())",
        "result = hex(ec.generate_private_key(ec.SECP256R1()).private_numbers().private_value)",
    ),
    "cryptography-rsa": (
        "from cryptography.hazmat.primitives.asymmetric import rsa\nrsa.generate_private_key(65537, 1024)",
        "result = hex(rsa.generate_private_key(65537, 1024).private_numbers().p)",
    ),
    "numpy": ("import numpy; numpy.random.rand()", "result = numpy.random.rand()"),
    "numpy-normal": ("import numpy; numpy.random.standard_normal()", "result = numpy.random.standard_normal()"),
    "numpy-other-generator": (
        "import numpy; numpy.random.set_bit_generator(numpy.random.PCG64(7)); numpy.random.rand()",
        "result = numpy.random.rand()",
    ),
    "tempfile": ("import tempfile; tempfile.mktemp()", "result = tempfile.mktemp()"),
    "multiprocessing": (
        "import multiprocessing; multiprocessing.current_process()",
        "result = bytes(multiprocessing.current_process().authkey).hex()",
    ),
    "semaphores": (
        "import multiprocessing.synchronize; next(multiprocessing.synchronize.SemLock._rand)",
        "result = next(multiprocessing.synchronize.SemLock._rand)",
    ),
    "sqlite": (
        "import sqlite3\ndatabase = sqlite3.connect(':memory:')\ndatabase.execute('select random()').fetchone()",
        "result = database.execute('select random()').fetchone()[0]",
    ),
    "uuid1-node": ("import uuid; uuid.uuid1()", "result = uuid.uuid1().node"),
    "getnode": ("import uuid; uuid.getnode()", "result = uuid.getnode()"),
}

# Drawn from the system each time: they need no renewal.
SYSTEM = {
    "secrets": ("import secrets; secrets.token_bytes(8)", "result = secrets.token_hex(16)"),
    "system-random": ("import random; r = random.SystemRandom(); r.random()", "result = r.random()"),
    "uuid4": ("import uuid; uuid.uuid4()", "result = str(uuid.uuid4())"),
    "urandom": ("import os; os.urandom(8)", "result = os.urandom(16).hex()"),
}
if sys.version_info >= (3, 14):
    SYSTEM["uuid7"] = ("import uuid; uuid.uuid7()", "result = str(uuid.uuid7())")

pytestmark = restores.needs_namespaces


@pytest.mark.parametrize("source", SOURCES)
def test_what_is_drawn_after_the_renewal_differs(source):
    one, other = restores.twins(*SOURCES[source])
    assert one != other


@pytest.mark.parametrize("source", SOURCES)
def test_without_the_renewal_it_would_be_the_same(source):
    one, other = restores.twins(*SOURCES[source], renewed=False)
    assert one == other


@pytest.mark.parametrize("source", SYSTEM)
def test_what_comes_from_the_system_differs_by_itself_and_after_the_renewal(source):
    for renewed in (False, True):
        one, other = restores.twins(*SYSTEM[source], renewed=renewed)
        assert one != other


@pytest.mark.skipif(sys.version_info < (3, 14), reason="uuid.uuid7 is new in Python 3.14")
def test_uuid7_does_not_go_on_from_a_clock_that_was_ahead():
    ahead = "import uuid; uuid._last_timestamp_v7 = 1 << 46; uuid._last_counter_v7 = 5"
    for one in restores.twins(ahead, "result = uuid.uuid7().int >> 80"):
        assert one < 1 << 46


def test_uuid1_does_not_go_on_from_a_clock_that_was_ahead():
    ahead = "import uuid; uuid._last_timestamp = 1 << 59"
    for time in restores.twins(ahead, "result = uuid.uuid1().time"):
        assert time < 1 << 59


def test_a_libcrypto_that_a_wheel_brought_is_reseeded(tmp_path):
    (tmp_path / "wheel.libs").mkdir()
    bundled = tmp_path / "wheel.libs" / "libcrypto-0123abcd.so.3"
    load = (
        "import ctypes, shutil, ssl\n"
        "with open('/proc/self/maps') as maps:\n"
        "    own = next(line.split()[-1] for line in maps if 'libcrypto' in line)\n"
        f"draw = ctypes.CDLL(shutil.copy(own, {str(bundled)!r})).RAND_bytes\n"
        "drawn = ctypes.create_string_buffer(16)\n"
        "assert draw(drawn, 16) == 1\n"
    )
    take = "draw(drawn, 16); result = drawn.raw.hex()"
    one, other = restores.twins(load, take, renewed=False)
    assert one == other
    one, other = restores.twins(load, take)
    assert one != other


STATE = """
import ctypes, json, os, re
from glowplug import renewal
os.urandom(8)

def area():
    # Where the kernel's vDSO keeps its state for this process, if it has any.
    with open("/proc/self/smaps") as smaps:
        for line in smaps:
            if re.match("[0-9a-f]+-", line):
                start, end = (int(part, 16) for part in line.split()[0].split("-"))
            elif line.startswith("VmFlags:") and "dp" in line.split():
                return start, end - start
    return None

def drawn(renewed):
    ctypes.memmove(found[0], image, found[1])
    if renewed:
        renewal.renew({})
    return os.urandom(16).hex()

found = area()
image = found and ctypes.string_at(*found)
"""


def test_the_system_s_random_bytes_do_not_repeat_where_their_state_is_in_this_process():
    """As with an image that holds everything: glibc's state for the vDSO's getrandom is put back as it was."""
    said = restores.program(
        STATE
        + """
if found is None:
    print(json.dumps(None))
else:
    without = [drawn(False), drawn(False)]
    renewal.prepare()
    wiped = not any(ctypes.string_at(*found))
    print(json.dumps([without[0] == without[1], wiped, drawn(True) != drawn(True)]))
"""
    )
    if said is None:
        pytest.skip("this C library asks the kernel for random bytes each time")
    assert said == [True, True, True]


def test_generators_that_the_program_made_stay_as_they_are():
    one, other = restores.twins("import random; own = random.Random(); own.random()", "result = own.random()")
    assert one == other
