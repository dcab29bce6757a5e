"""Relocations that were done are put out of use, and everything goes on."""

import subprocess
import sys
from pathlib import Path

PROGRAM = """
import sys
sys.path.insert(0, sys.argv[1])
from dumping import load_dumper
dumper = load_dumper()
dropped = dumper.forget_relocations()
assert dropped % 4096 == 0, dropped
# Once more there is nothing new, and it does no harm.
assert dumper.forget_relocations() == dropped
# Functions that nobody has called yet are bound, libraries loaded and exceptions raised and caught through them.
import ctypes, decimal, hashlib, json, sqlite3, ssl, zlib
assert zlib.decompress(zlib.compress(b"x" * 1000)) == b"x" * 1000
assert sqlite3.connect(":memory:").execute("select 6 * 7").fetchone() == (42,)
assert ctypes.CDLL(None).getppid() > 0
try:
    decimal.Decimal("none")
except decimal.InvalidOperation:
    print(dropped)
"""


def test_a_process_goes_on_without_them():
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, Path(__file__).parent], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    is_shared = "libpython" in Path("/proc/self/maps").read_text()
    # A static interpreter that has a fixed address has none.
    assert int(done.stdout) > 200_000 or not is_shared
