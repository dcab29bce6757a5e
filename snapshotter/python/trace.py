"""Process A of a snapshot: runs the target as its own runtime would and records what it needed.

Run as `python trace.py SPEC OUT`. SPEC is a JSON file that is also a Python expression (given the
names true, false and null), so that no module of the standard library is imported before the
target imports it: the recorded order is the target's own. OUT is written as JSON at the end.

Exit status: 0, or 3 if the target failed, its traceback on stderr.
"""

# ruff: noqa: PTH123 (pathlib must not be imported before the target imports it)

import sys

TARGET_FAILED = 3


def own_parts(folder, spec):
    """Imports the recorder's modules and hides them from the target; they live on in the result."""
    before = set(sys.modules)
    sys.path.insert(0, folder)
    from glowplug_trace import program, python_info, recording, target

    del sys.path[0]
    if spec["program"]:
        program.prepare(folder)
    for name in set(sys.modules) - before:
        if name.partition(".")[0] == "glowplug_trace":
            del sys.modules[name]
    sys.path_importer_cache.pop(folder, None)
    return python_info, recording, target


def main():
    spec_file, out_file = sys.argv[1:3]
    folder = __file__.rpartition("/")[0]
    sys.dont_write_bytecode = True
    with open(spec_file, encoding="utf-8") as file:
        text = file.read()
    spec = eval(text, {"true": True, "false": False, "null": None})
    python_info, recorder, target = own_parts(folder, spec)

    # From here on everything looks as it does to the function.
    if sys.path and sys.path[0] == folder:
        del sys.path[0]
    if spec["root"] is not None:
        sys.path.insert(0, spec["root"])
    sys.argv[:] = spec["argv"]
    python = python_info.describe()

    recording = recorder.Recording(folder)
    recording.begin()
    failed = target.run(spec, folder)
    if not failed:
        result = recording.end()
        result["python"] = python
        recorder.write(result, out_file)
    target.leave(TARGET_FAILED if failed else 0)


if __name__ == "__main__":
    main()
