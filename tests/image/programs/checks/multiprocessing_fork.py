"""Worker processes by fork: a pool, a queue, a lock between processes."""

import multiprocessing
import os

from __main__ import HELD

context = multiprocessing.get_context("fork")
assert multiprocessing.current_process().pid == os.getpid()
with context.Pool(2) as pool:
    assert pool.map(len, [HELD, "abc"]) == [100, 3]
queue, lock = context.Queue(), context.Lock()


def work():
    with lock:
        queue.put((os.getpid(), os.getppid(), len(HELD)))


workers = [context.Process(target=work) for _ in range(3)]
for worker in workers:
    worker.start()
said = [queue.get(timeout=30) for _ in workers]
for worker in workers:
    worker.join(30)
    assert worker.exitcode == 0
assert {pid for pid, _, _ in said} == {worker.pid for worker in workers}
assert {(parent, held) for _, parent, held in said} == {(os.getpid(), 100)}
