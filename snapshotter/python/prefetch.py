"""Process C of a snapshot: runs the target once more, from its archive, and records which pages of which files it used.

Run as `python prefetch.py SPEC ARCHIVE OUT`, with SPEC as for `trace.py`. OUT is written as JSON at the end.

Exit status: 0, or 3 if the target failed.
"""

# ruff: noqa: PTH123 (pathlib must not be imported before the target imports it)

import sys

TARGET_FAILED = 3


def forget_auditor():
    """Takes the auditor out of the environment, so that neither the target nor what it starts sees it."""
    import os

    os.environ.pop("LD_AUDIT", None)


def own_parts(folder, spec):
    """Imports the recorder's modules and hides them from the target; they live on in the result."""
    before = set(sys.modules)
    sys.path.insert(0, folder)
    from glowplug_prefetch import first_use, mapped_files
    from glowplug_trace import program, recording, target

    del sys.path[0]
    if spec["program"]:
        program.prepare(folder)
    for name in set(sys.modules) - before:
        if name.partition(".")[0] in ("glowplug_prefetch", "glowplug_trace"):
            del sys.modules[name]
    sys.path_importer_cache.pop(folder, None)
    return first_use, mapped_files, recording, target


def activate(folder, archive):
    """Loads the loader from its file, as the layer's start script does; returns it, None where that did not work.

    It is not to give back the pages of libraries that it has done with: they would not be seen at the end.
    """
    import _imp
    from _frozen_importlib import ModuleSpec
    from _frozen_importlib_external import ExtensionFileLoader

    path = f"{folder}/_glowplug.abi3.so"
    spec = ModuleSpec("_glowplug", ExtensionFileLoader("_glowplug", path), origin=path)
    loader = _imp.create_dynamic(spec)
    _imp.exec_dynamic(loader)
    return loader if loader.activate(archive, gives_back=False) else None


def runtime_files(spec):
    """What the start in Lambda reads around the target, and this process does not."""
    if spec["handler"] is None:
        return
    # What Lambda's TZ names; the C library reads it.
    yield "/usr/share/zoneinfo/UTC"
    # The loader compares one source of a function that is not where it was.
    if spec["root"] is not None:
        yield f"{spec['root']}/{spec['handler'][0].replace('.', '/')}.py"
    # `python -m` runs this file, which nobody else imports. Only what the archive has of the runtime is in the order
    # in which it is needed.
    if "awslambdaric.__main__" in spec["imports"]:
        import awslambdaric

        yield f"{awslambdaric.__path__[0]}/__pycache__/__main__.{sys.implementation.cache_tag}.pyc"


def main():
    started = list(sys.modules.values())
    spec_file, archive, out_file = sys.argv[1:4]
    folder = __file__.rpartition("/")[0]
    sys.dont_write_bytecode = True
    forget_auditor()
    with open(spec_file, encoding="utf-8") as file:
        text = file.read()
    spec = eval(text, {"true": True, "false": False, "null": None})
    spec["run_on"] = None  # once is enough
    first_use, mapped_files, recorder, target = own_parts(folder, spec)

    if sys.path and sys.path[0] == folder:
        del sys.path[0]
    if spec["root"] is not None:
        sys.path.insert(0, spec["root"])
    sys.argv[:] = spec["argv"]

    order = first_use.FirstUse(folder)
    order.begin(started)
    loader = activate(folder, archive)
    if loader is None:
        sys.exit("the archive could not be activated")
    order.follow(loader.loaded_objects)
    for path in runtime_files(spec):
        order.note(path)
    failed = target.run(spec, folder)
    if not failed:
        found = {"order": order.end(), "mapped": mapped_files.touched()}
        found["mapped"] = [entry for entry in found["mapped"] if recorder.is_utf8(entry)]
        found["order"] = [entry for entry in found["order"] if recorder.is_utf8(entry)]
        recorder.write(found, out_file)
    target.leave(TARGET_FAILED if failed else 0)


if __name__ == "__main__":
    main()
