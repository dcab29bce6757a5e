"""Running test modules with and without an archive, and what the outcomes say."""

import json
import subprocess
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import processes
import suite

PROGRAM = Path(__file__).resolve().parent / "programs" / "record_outcomes.py"
SECONDS_AT_MOST = 900

# Stands for a test whose outcome is how the process ended.
THE_END = "the end of the process"

# Tests that depend on timing must differ in each of so many rounds.
ROUNDS = 3


@dataclass
class Run:
    """What one process did.

    Outcomes by test id, the loaders of what stood in `sys.modules` before the first test, and what it printed.
    """

    outcomes: dict
    details: dict
    imported: dict
    status: dict | None
    finished: processes.Finished = field(repr=False)

    def imported_by(self, loader):
        """Names of the modules with a loader of that class."""
        return {name for name, kind in self.imported.items() if kind == loader}


def run(names, folder, archive=None):
    """Runs test modules in one process, in a folder of their own."""
    folder.mkdir(parents=True)
    output = folder.with_suffix(".json")
    variables = {"TMPDIR": folder, **suite.environment()}
    try:
        done = processes.python(
            PROGRAM, output, *names, archive=archive, cwd=folder, timeout=SECONDS_AT_MOST, **variables
        )
        end = f"status {done.status}"
    except subprocess.TimeoutExpired as late:
        end = f"ended after {late.timeout} s"
        done = processes.Finished(-1, str(late.stdout or ""), str(late.stderr or ""))
    text = output.read_text(encoding="utf-8") if output.exists() else ""
    try:
        found = json.loads(text)
    except json.JSONDecodeError:
        last = (text.splitlines() or ["before the first test"])[-1]
        found = {"outcomes": {last: ["killed the process"]}, "details": {}, "imported": {}, "status": None}
    found["outcomes"][THE_END] = [end]
    found["details"][THE_END] = done.err[-4000:]
    return Run(found["outcomes"], found["details"], found["imported"], found["status"], done)


@dataclass
class Comparison:
    """Rounds of plain and served runs of the same test modules."""

    plain: list = field(default_factory=list)
    served: list = field(default_factory=list)

    def add_round(self, names, folder, archive):
        number = len(self.plain)
        with ThreadPoolExecutor(2) as pool:
            plain = pool.submit(run, names, folder / f"plain-{number}")
            served = pool.submit(run, names, folder / f"served-{number}", archive)
        self.plain.append(plain.result())
        self.served.append(served.result())

    def differing(self):
        """Ids of the tests whose served outcome was never a plain one, in all rounds together."""
        names = {name for run in self.plain + self.served for name in run.outcomes}

        def seen(runs, name):
            return {tuple(run.outcomes.get(name, ["not run"])) for run in runs}

        return sorted(name for name in names if seen(self.plain, name).isdisjoint(seen(self.served, name)))

    def describe(self, name):
        """A difference, for the person who has to explain it."""
        plain, served = self.plain[-1], self.served[-1]
        lines = [f"{name}: plain {plain.outcomes.get(name)}, from the archive {served.outcomes.get(name)}"]
        for kind, one in (("plain", plain), ("from the archive", served)):
            if name in one.details:
                lines += [f"  {kind}:", *("    " + line for line in one.details[name].splitlines())]
        return "\n".join(lines)


def compare(names, folder, archive, is_known):
    """Compares, with further rounds as long as there are differences that are not known ones."""
    compared = Comparison()
    for _ in range(ROUNDS):
        compared.add_round(names, folder, archive)
        if all(is_known(name) for name in compared.differing()):
            break
    return compared
