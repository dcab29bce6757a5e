"""Runs the target as a snapshot with an image does, and finds what stands in the way of an image.

Run as `python doctor.py SPEC OUT`. SPEC is a JSON file that is also a Python expression (given the
names true, false and null), so that no module of the standard library is imported before the
target imports it. OUT is written as JSON at the end: the obstacles, and the records of what can be
made again.

Exit status: 0, or 3 if the target failed, its traceback on stderr.
"""

# ruff: noqa: PTH123 (pathlib must not be imported before the target imports it)

import posix
import sys

TARGET_FAILED = 3


def own_parts(folder):
    """Imports Glowplug's modules and hides them from the target; they live on in the result."""
    before = set(sys.modules)
    sys.path.insert(0, folder)
    from glowplug_image import descriptors, native, obstacle, obstacles, watch
    from glowplug_trace import target

    package = import_package(folder)
    if native.dumper is not None:
        # As process D of a snapshot does.
        native.dumper.without_io_uring()
    del sys.path[0]
    for name in set(sys.modules) - before:
        if name.partition(".")[0] in ("glowplug_image", "glowplug_trace", "_glowplug_dumper"):
            del sys.modules[name]
    sys.path_importer_cache.pop(folder, None)
    return Parts(
        descriptors=descriptors, obstacle=obstacle, obstacles=obstacles, watch=watch, target=target, package=package
    )  # fmt: skip


class Parts:
    """Glowplug's modules; `package` is the renewal of the package `glowplug`, or None."""

    def __init__(self, *, descriptors, obstacle, obstacles, watch, target, package):
        self.descriptors = descriptors
        self.obstacle = obstacle
        self.obstacles = obstacles
        self.watch = watch
        self.target = target
        self.package = package

    def prepare(self, folder):
        """Does what is done before an image is taken: hooks, idle connections.

        Returns whether the target failed, and what stands in the way.
        """
        try:
            sys.modules["glowplug.hooks"].run_before_snapshot()
        except BaseException as error:
            self.target.report(error, folder)
            print("glowplug: the target failed in a before_snapshot hook", file=sys.stderr)
            return True, []
        try:
            self.package.prepare()
        except self.package.SnapshotRefused as error:
            return False, [self.obstacle.Obstacle("library", str(error), "")]
        return False, []


def import_package(folder):
    """Imports the package `glowplug`, as a snapshot with an image has it, where it lies beside this script."""
    if "glowplug" not in posix.listdir(folder):
        return None
    import glowplug.hooks
    import glowplug.renewal

    return glowplug.renewal


def main():
    spec_file, out_file = sys.argv[1:3]
    folder = __file__.rpartition("/")[0]
    sys.dont_write_bytecode = True
    with open(spec_file, encoding="utf-8") as file:
        text = file.read()
    spec = eval(text, {"true": True, "false": False, "null": None})
    parts = own_parts(folder)
    watch, target = parts.watch, parts.target

    # From here on everything looks as it does to the function.
    if sys.path and sys.path[0] == folder:
        del sys.path[0]
    if spec["root"] is not None:
        sys.path.insert(0, spec["root"])
    sys.argv[:] = spec["argv"]

    watch.begin()
    failed = target.run({**spec, "events": []}, folder)
    if not failed and spec["events"]:
        watch.handling()
        failed = target.run(spec, folder)
    refused = []
    if not failed and parts.package is not None:
        failed, refused = parts.prepare(folder)
    if not failed:
        with watch.quiet():
            found = refused + parts.obstacles.find(fresh_sockets=True)
            result = {
                "obstacles": [obstacle.to_json() for obstacle in found],
                "descriptors": parts.descriptors.found(fresh_sockets=True)[0],
                "environment": sorted(watch.environment_reads()),
            }
        watch.end()
        write(result, out_file)
    target.leave(TARGET_FAILED if failed else 0)


def write(result, path):
    """Writes the result as JSON. `json` is imported here, when nothing is watched any more."""
    import json

    with open(path, "w", encoding="utf-8") as file:
        json.dump(result, file)


if __name__ == "__main__":
    main()
