"""The place in a program where its process image is taken, and what is known after a restore."""

import sys

# Set by the snapshot step: takes the image, and returns in each restored process.
take = None
# A Restored, in a process that was restored from an image.
restored = None


def snapshot_point():
    """Marks where this program's process image is taken. Does nothing at any other time.

    In a process that was restored from the image, the program goes on behind this call.
    """
    if take is not None:
        take()


class Restored:
    """How this process was restored."""

    def __init__(self, found, no_modules):
        self.archive = found["archive"].decode("utf-8", "surrogateescape")
        self.milliseconds = (found["resumed"] - found["begun"]) / 1e6
        self.late = LateImports(self.archive, found["folder"].decode("utf-8", "surrogateescape"), no_modules)

    def status(self):
        native = sys.modules.get("_glowplug")
        return {
            "rung": "image",
            "archive": self.archive,
            "milliseconds": self.milliseconds,
            "late": native.status() if native is not None else None,
            "reason": None,
        }


class LateImports:
    """Serves what is imported after the restore from the code archive: first in line among the finders.

    The loader is loaded when the first module is looked for, so that a start without late imports does not pay for it.
    Nor does one that looks, as many libraries do, for what was looked for in vain before the image was taken.
    """

    def __init__(self, archive, folder, no_modules):
        self.archive = archive
        self.folder = folder
        self.no_modules = no_modules

    def find_spec(self, name, path=None, target=None):
        if name in self.no_modules:
            return None
        sys.meta_path.remove(self)
        try:
            self.activate()
        except Exception as error:
            sys.stderr.write(f"glowplug: {error}; later imports are plain\n")
            return None
        first = sys.meta_path[0]
        if getattr(type(first), "__module__", None) != "glowplug" and "_glowplug" not in sys.modules:
            return None
        return first.find_spec(name, path, target)

    def activate(self):
        """Loads the loader from its file, beside the wrapper or where a layer has it."""
        import _imp
        import posix
        from _frozen_importlib import ModuleSpec
        from _frozen_importlib_external import ExtensionFileLoader

        module = sys.modules.get("_glowplug")
        if module is None:
            file = "_glowplug.abi3.so"
            path = f"{self.folder}/{file}"
            if not posix.access(path, posix.R_OK):
                path = f"{self.folder.rpartition('/')[0]}/python/{file}"
            spec = ModuleSpec("_glowplug", ExtensionFileLoader("_glowplug", path), origin=path)
            module = _imp.create_dynamic(spec)
            _imp.exec_dynamic(module)
            sys.modules["_glowplug"] = module
        module.activate(self.archive, late=True)
