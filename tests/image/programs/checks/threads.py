"""Threads, their own values, locks, conditions and pools."""

import concurrent.futures
import os
import threading

assert threading.current_thread() is threading.main_thread()
assert threading.main_thread().native_id == threading.get_native_id() == os.getpid()
assert threading.active_count() == 1

local, seen, lock = threading.local(), [], threading.Lock()
barrier = threading.Barrier(16)


def work(number):
    local.number = number
    barrier.wait(30)
    with lock:
        seen.append((local.number, threading.get_native_id()))


threads = [threading.Thread(target=work, args=(number,)) for number in range(16)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join(30)
assert sorted(number for number, _ in seen) == list(range(16))
assert len({native for _, native in seen}) == 16

with concurrent.futures.ThreadPoolExecutor(8) as pool:
    assert sum(pool.map(lambda n: n * n, range(1000))) == sum(n * n for n in range(1000))

event = threading.Event()
timer = threading.Timer(0.01, event.set)
timer.start()
assert event.wait(30)
assert not event.clear() and not event.wait(0.01)
