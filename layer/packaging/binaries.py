"""Builds the binaries of a wheel.

The modules are shared objects for any Python from 3.10 and any glibc from 2.17 (Lambda's oldest Python runs on 2.26);
zig links them, for the old symbol versions and because its unwinder is static: no libgcc_s at run time. The command is
a fully static executable, which zig cannot link for glibc: the machine's own gcc does. So are the wrapper and the
extension, which go into layers (programs.py). The command holds the files of all the others, so they are built first.
"""

import os
import shutil
import sys
from pathlib import Path

import cargo
import programs
import thin_imports

GLIBC = (2, 17)

# Package of the workspace, what cargo calls its library, and the file name Python looks for.
MODULES = (
    ("glowplug-loader", "lib_glowplug.so", "_glowplug.abi3.so"),
    ("glowplug-dumper", "lib_glowplug_dumper.so", "_glowplug_dumper.abi3.so"),
)


def build_modules(build, payload):
    """Builds the loader and the dumper and puts them into the folder `payload`."""
    tools = Path(sys.executable).parent
    environment = {
        # Not linked with any libpython, and none is asked for its configuration.
        "PYO3_BUILD_EXTENSION_MODULE": "1",
        "PYO3_NO_PYTHON": "1",
        "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}",
        "CARGO_ZIGBUILD_PYTHON_PATH": sys.executable,
        "CARGO_ZIGBUILD_CACHE_DIR": str(build / "zig"),
        "ZIG_GLOBAL_CACHE_DIR": str(build / "zig" / "global"),
        "ZIG_LOCAL_CACHE_DIR": str(build / "zig" / "local"),
    }
    packages = [argument for package, _, _ in MODULES for argument in ("--package", package)]
    target = f"{cargo.host()}.{GLIBC[0]}.{GLIBC[1]}"
    cargo.run(["zigbuild", *packages, "--lib", "--target", target], build / "release", environment)
    payload.mkdir(parents=True, exist_ok=True)
    for _, library, name in MODULES:
        thinned = build / "thinned" / name
        thinned.parent.mkdir(exist_ok=True)
        shutil.copy2(build / "release" / cargo.host() / "release" / library, thinned)
        thin_imports.thin(thinned)
        cargo.replace_if_different(thinned, payload / name)


def build_commands(build, payload):
    """Builds the `glowplug` executable, which embeds the files in `payload`, and `glowplug-bench`; returns their paths.

    At once: one by one they would ask for different features of what both use, and that would be compiled twice. So
    would the tests of the crates, which use the same folder (tests/rust.toml), were not all their packages named.
    """
    environment = {**cargo.STATIC, "GLOWPLUG_PAYLOAD": str(payload)}
    names = ("glowplug", "glowplug-bench")
    bins = [argument for name in names for argument in ("--bin", name)]
    wanted = ["--workspace", "--exclude", programs.AUDITOR[0], *bins, "--target", cargo.host()]
    cargo.run(["build", *wanted], build / "command", environment, profile="command")
    return [build / "command" / cargo.host() / "command" / name for name in names]
