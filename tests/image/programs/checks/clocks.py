"""Time goes on by this machine's clocks, and identities are this process's."""

import ctypes
import os
import time
from pathlib import Path

uptime = float(Path("/proc/uptime").read_text().split()[0])
assert abs(time.clock_gettime(time.CLOCK_BOOTTIME) - uptime) < 60
one = time.time(), time.monotonic(), time.perf_counter(), time.process_time()
time.sleep(0.02)
other = time.time(), time.monotonic(), time.perf_counter(), time.process_time()
assert all(0.02 <= there - here < 30 for here, there in zip(one[:3], other[:3], strict=True))
assert Path("/proc/self").readlink() == Path(str(os.getpid()))
assert os.environ["SHAPE"] == os.environb[b"SHAPE"].decode() == "round"
assert ctypes.CFUNCTYPE(ctypes.c_char_p, ctypes.c_char_p)(("getenv", ctypes.CDLL(None)))(b"SHAPE") == b"round"
assert Path("/proc/self/comm").read_text().startswith("python")
