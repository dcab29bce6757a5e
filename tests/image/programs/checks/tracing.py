"""tracemalloc, cProfile, sys.settrace, sys.setprofile and sys.monitoring."""

import cProfile
import io
import os
import pstats
import sys
import tracemalloc

from __main__ import fails

tracemalloc.start(5)
before = tracemalloc.take_snapshot()
kept = [bytes(1000) for _ in range(1000)]
(most, *_) = tracemalloc.take_snapshot().compare_to(before, "lineno")
assert most.size_diff >= 1_000_000, most
assert most.traceback[0].filename == os.environ["CHECK"]
tracemalloc.stop()

profile = cProfile.Profile()
for _ in range(10):
    profile.runcall(fails, 1)
lines = io.StringIO()
pstats.Stats(profile, stream=lines).print_stats("fails")
assert "10    " in lines.getvalue(), lines.getvalue()

events = []


def follow(frame, event, argument):
    if frame.f_code is fails.__code__:
        events.append(event)
        return follow
    return None


sys.settrace(follow)
fails(1)
sys.settrace(None)
assert events == ["call", "line", "return"], events

events.clear()
sys.setprofile(lambda frame, event, argument: events.append(event) if frame.f_code is fails.__code__ else None)
fails(1)
sys.setprofile(None)
assert events == ["call", "return"], events

if sys.version_info >= (3, 12):
    monitoring, starts = sys.monitoring, []
    monitoring.use_tool_id(4, "test")
    monitoring.register_callback(4, monitoring.events.PY_START, lambda code, offset: starts.append(code))
    monitoring.set_local_events(4, fails.__code__, monitoring.events.PY_START)
    fails(1)
    monitoring.free_tool_id(4)
    assert starts == [fails.__code__]
