"""Worker processes that are started anew."""

import multiprocessing
import os

with multiprocessing.get_context("spawn").Pool(2) as pool:
    assert pool.map(abs, [-1, 2, -3]) == [1, 2, 3]
    assert pool.apply(os.getppid) == os.getpid()
