"""As many threads as the argument says wait for a lock; behind the snapshot point a byte is written."""

import os
import sys
import threading
import time

import glowplug

gate = threading.Lock()
gate.acquire()
threads = [threading.Thread(target=gate.acquire, daemon=True) for _ in range(int(sys.argv[1]))]
for thread in threads:
    thread.start()
time.sleep(0.2)
glowplug.snapshot_point()
os.write(1, b"." if glowplug.status()["rung"] == "image" else b"plain")
os._exit(0 if threading.active_count() == 1 + len(threads) else 3)
