"""The program's hooks: who is called, in which order, and what becomes of what they raise."""

import restores

RECORD = """
import json
from glowplug import hooks
import snapshot_restore_py as elsewhere
calls = []
def call(*args, **kwargs):
    calls.append([*args, *sorted(kwargs.items())])
"""


def test_decorators_return_their_function():
    assert restores.program(
        RECORD
        + """
@hooks.before_snapshot
def one():
    return 1
@hooks.after_restore
def two():
    return 2
print(json.dumps([one(), two()]))
"""
    ) == [1, 2]


def test_arguments_are_passed_on():
    assert restores.program(
        RECORD
        + """
hooks.before_snapshot(call, "before", 1, name="x")
hooks.after_restore(call, "after", 2, name="y")
hooks.run_before_snapshot()
hooks.run_after_restore()
print(json.dumps(calls))
"""
    ) == [["before", 1, ["name", "x"]], ["after", 2, ["name", "y"]]]


def test_before_hooks_run_backwards_and_after_hooks_forwards():
    assert restores.program(
        RECORD
        + """
for name in "abc":
    hooks.before_snapshot(call, "before " + name)
    hooks.after_restore(call, "after " + name)
hooks.run_before_snapshot()
hooks.run_after_restore()
print(json.dumps(calls))
"""
    ) == [["before c"], ["before b"], ["before a"], ["after a"], ["after b"], ["after c"]]


def test_hooks_of_snapshot_restore_py_run_around_ours():
    assert restores.program(
        RECORD
        + """
for name in "ab":
    hooks.before_snapshot(call, "our before " + name)
    hooks.after_restore(call, "our after " + name)
    elsewhere.register_before_snapshot(call, "before " + name)
    elsewhere.register_after_restore(call, "after " + name)
hooks.run_before_snapshot()
hooks.run_after_restore()
print(json.dumps([call[0] for call in calls]))
"""
    ) == ["our before b", "our before a", "before b", "before a", "after a", "after b", "our after a", "our after b"]


def test_the_order_is_that_of_awslambdaric():
    """Its own runner, over the same registrations, makes the same calls."""
    assert restores.program(
        RECORD
        + """
from awslambdaric import lambda_runtime_hooks_runner as runner
def register():
    for name in "abc":
        elsewhere.register_before_snapshot(call, "before " + name)
        elsewhere.register_after_restore(call, "after " + name)
register()
runner.run_before_snapshot()
runner.run_after_restore()
theirs = calls[:]
calls.clear()
elsewhere.get_after_restore().clear()
register()
hooks.run_before_snapshot()
hooks.run_after_restore()
print(json.dumps([len(calls), calls == theirs]))
"""
    ) == [6, True]


def test_before_hooks_run_once_and_after_hooks_each_time():
    assert restores.program(
        RECORD
        + """
hooks.before_snapshot(call, "before")
hooks.after_restore(call, "after")
for _ in range(2):
    hooks.run_before_snapshot()
    hooks.run_after_restore()
print(json.dumps(calls))
"""
    ) == [["before"], ["after"], ["after"]]


def test_a_before_hook_that_is_registered_by_another_runs_too():
    assert restores.program(
        RECORD
        + """
hooks.before_snapshot(hooks.before_snapshot, call, "late")
hooks.run_before_snapshot()
print(json.dumps(calls))
"""
    ) == [["late"]]


def test_what_a_hook_raises_comes_with_its_name():
    notes, called = restores.program(
        RECORD
        + """
def close_the_pool():
    raise ValueError("no pool")
notes = []
hooks.before_snapshot(call, "before")
hooks.before_snapshot(close_the_pool)
elsewhere.register_after_restore(close_the_pool)
hooks.after_restore(call, "after")
for run in hooks.run_before_snapshot, hooks.run_after_restore:
    try:
        run()
    except ValueError as error:
        notes.append([str(error), *error.__notes__])
print(json.dumps([notes, calls]))
"""
    )
    assert notes == [
        ["no pool", "in the before_snapshot hook __main__.close_the_pool"],
        ["no pool", "in the after_restore hook __main__.close_the_pool"],
    ]
    assert called == []


def test_snapshot_restore_py_is_not_imported_for_it():
    assert (
        restores.program(
            """
import json, sys
from glowplug import hooks
hooks.run_before_snapshot()
hooks.run_after_restore()
print(json.dumps("snapshot_restore_py" in sys.modules))
"""
        )
        is False
    )
