"""Process D of a snapshot: runs the target up to its snapshot point and takes the image of this process.

Run as `python [options] image.py SPEC`. SPEC is a JSON file that is also a Python expression (given the names true,
false and null). What is found is written into the folder that it names.

Exit status: 0, 3 if the target failed, 5 if something stands in the way (`refused.json` says what).
"""

# ruff: noqa: PTH123 (pathlib must not be imported before the target imports it)

import sys


def own_parts(folder):
    """Imports the parts of the snapshot step; the target does not see them."""
    sys.path.insert(0, folder)
    from glowplug_image import watch

    watch.begin()
    import _glowplug_dumper

    # Its queues cannot be carried; libraries that would use it have another way.
    _glowplug_dumper.without_io_uring()
    from glowplug import point
    from glowplug_image import capture

    del sys.path[0]
    sys.path_importer_cache.pop(folder, None)
    for name in list(sys.modules):
        if name.partition(".")[0] in ("glowplug_image", "_glowplug_dumper"):
            del sys.modules[name]
    return capture, _glowplug_dumper, point


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        spec = eval(file.read(), {"true": True, "false": False, "null": None})
    folder = __file__.rpartition("/")[0]
    sys.dont_write_bytecode = True
    sys.path_importer_cache.clear()
    if sys.path and sys.path[0] == folder:
        del sys.path[0]
    parts, dumper, point = own_parts(folder)
    capture = parts.Capture(spec, dumper)
    point.take = capture.take
    run = capture.run_handler if spec["handler"] is not None else capture.run_program
    run(folder)


main()
