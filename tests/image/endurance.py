"""Restores images thousands of times: `endurance.py [RESTORES [DRAWS]]`, of the Python that runs it.

RESTORES (10000) are spread over three programs with large libraries, each doing some work; DRAWS (1000) restores of
`programs/draws.py` must not repeat a value, and as many with the same process id each (needs root). Takes half an hour.
"""

import collections
import json
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import images
import uniqueness

PROGRAMS = ("work_boto3", "work_pandas", "work_fastapi")


def endure(workshop, name, restores):
    """Restores one program again and again. Returns how many starts were not what they should be."""
    image = workshop[name]
    expected = json.loads(image.start(variables={"GLOWPLUG_MODE": "off"}).silently().out)["answer"]
    failures, times = collections.Counter(), []
    for _ in range(restores):
        begun = time.perf_counter()
        done = image.start()
        times.append(time.perf_counter() - begun)
        if done.status != 0 or done.err:
            failures[f"status {done.status}: {done.err.strip()[-300:]}"] += 1
        elif (said := json.loads(done.out)) != {"rung": "image", "answer": expected}:
            failures[f"said {said}"] += 1
    times.sort()
    print(
        f"{name}: {restores} restores, {failures.total()} failures; "
        f"median {times[len(times) // 2] * 1e3:.1f} ms, slowest {times[-1] * 1e3:.0f} ms, from exec to exit",
        flush=True,
    )
    for words, count in failures.most_common():
        print(f"  {count}x {words}", flush=True)
    return failures.total()


def unique(workshop, restores, same_pid):
    """Restores the program that draws. Returns how many sources repeated a value."""
    values = uniqueness.drawn(workshop["draws"], restores, same_pid=same_pid)
    repeated = uniqueness.repeated(values)
    pids = "the same process id each" if same_pid else "process ids as they come"
    drawn = sum(map(len, values.values()))
    print(
        f"draws: {restores} restores, {pids}: {drawn} values of {len(values)} sources, repeated: {repeated or 'none'}"
    )
    return len(repeated)


def main(restores=10000, draws=1000):
    workshop = images.Workshop()
    try:
        bad = sum(endure(workshop, name, int(restores) // len(PROGRAMS) + 1) for name in PROGRAMS)
        bad += unique(workshop, int(draws), same_pid=False)
        if images.is_root:
            bad += unique(workshop, int(draws), same_pid=True)
        else:
            print("draws with the same process id were NOT tried: that needs root")
    finally:
        workshop.remove()
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
