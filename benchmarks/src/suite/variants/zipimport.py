"""Moves what can be imported from a zip file into one: `zipimport.py FOLDER SEEN`.

Packages that are Python alone go into FOLDER/packages.zip, compiled; those with native modules or data stay where they
are, for those cannot be, or may not be, read from a zip file. SEEN is what starts call the folder.
"""

import compileall
import py_compile
import shutil
import sys
import zipfile
from pathlib import Path

PYTHON_ALONE = {".py", ".pyc", ".pyi", ".typed"}


def is_python_alone(path):
    """Whether a module or package consists of Python files only."""
    files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    return bool(files) and all(file.suffix in PYTHON_ALONE or file.name == "py.typed" for file in files)


def main(folder, seen):
    with zipfile.ZipFile(folder / "packages.zip", "w", zipfile.ZIP_DEFLATED) as zipped:
        for path in sorted(folder.iterdir()):
            name = path.name
            if name in {"packages.zip", "app.py", "__pycache__"} or name.endswith((".dist-info", ".libs")):
                continue
            if not is_python_alone(path) or (path.is_file() and path.suffix != ".py"):
                continue
            # zipimport looks for NAME.pyc beside NAME.py, and compares the times, unless told not to.
            options = {
                "legacy": True,
                "quiet": 2,
                "force": True,
                "stripdir": str(folder),
                "prependdir": f"{seen}/packages.zip",
                "invalidation_mode": py_compile.PycInvalidationMode.UNCHECKED_HASH,
            }
            if path.is_dir():
                compileall.compile_dir(path, maxlevels=50, **options)
                # Directories too: without them, there would be no namespace packages.
                files = [path, *(file for file in path.rglob("*") if "__pycache__" not in file.parts)]
            else:
                compileall.compile_file(path, **options)
                files = [path, path.with_suffix(".pyc")]
            for file in sorted(files):
                zipped.write(file, file.relative_to(folder))
            if path.is_dir():
                shutil.rmtree(path)
            else:
                for file in files:
                    file.unlink()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
