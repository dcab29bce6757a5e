"""Prints the versions of this interpreter and of the packages installed, as JSON. No paths, no names of hosts."""

import json
import platform
from importlib.metadata import distributions

print(
    json.dumps(
        {
            "python": platform.python_version(),
            "compiler": platform.python_compiler(),
            "libc": " ".join(platform.libc_ver()),
            "packages": {d.metadata["Name"]: d.version for d in sorted(distributions(), key=lambda d: d.name)},
        }
    )
)
