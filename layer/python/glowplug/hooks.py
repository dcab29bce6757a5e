"""Functions that run before the process image is taken and after each restore.

Order, as SnapStart has it (AWS Lambda developer guide, "runtime hooks"): before the image in reverse order of
registration, after the restore in order of registration. Hooks that were registered through `snapshot_restore_py` run
too. Each registry keeps its own order; between the two, what was registered here lies within: its before hooks run
first, its after hooks last.
"""

import sys

__all__ = ["after_restore", "before_snapshot", "run_after_restore", "run_before_snapshot"]

_before = []
_after = []


def before_snapshot(function, *args, **kwargs):
    """Has `function(*args, **kwargs)` called before the image is taken. Returns the function: usable as a decorator."""
    _before.append((function, args, kwargs))
    return function


def after_restore(function, *args, **kwargs):
    """Has `function(*args, **kwargs)` called after each restore. Returns the function: usable as a decorator."""
    _after.append((function, args, kwargs))
    return function


def run_before_snapshot():
    """Runs the before hooks, each once: they leave the registry, and one that registers another has it run next.

    What a hook raises goes to the caller, with a note that names the hook; the hooks after it are not run.
    """
    registries = [_before]
    elsewhere = sys.modules.get("snapshot_restore_py")
    if elsewhere is not None:
        registries.append(elsewhere.get_before_snapshot())
    for registry in registries:
        while registry:
            _call("before_snapshot", *registry.pop())


def run_after_restore():
    """Runs the after hooks. What a hook raises goes to the caller, with a note; the hooks after it are not run."""
    elsewhere = sys.modules.get("snapshot_restore_py")
    if elsewhere is not None:
        for hook in elsewhere.get_after_restore():
            _call("after_restore", *hook)
    for hook in _after:
        _call("after_restore", *hook)


def _call(kind, function, args, kwargs):
    try:
        function(*args, **kwargs)
    except BaseException as error:
        _add_note(error, f"in the {kind} hook {_name(function)}")
        raise


def _name(function):
    """How a hook is told to people: its module and its qualified name."""
    name = getattr(function, "__qualname__", None)
    if name is None:
        return repr(function)
    return f"{getattr(function, '__module__', None)}.{name}"


def _add_note(error, note):
    """`BaseException.add_note`; on Python 3.10, which has none, the attribute alone."""
    if hasattr(error, "add_note"):
        error.add_note(note)
    else:
        error.__notes__ = [*getattr(error, "__notes__", ()), note]
