"""Builds the binaries of a wheel.

The modules are shared objects for any Python from 3.10 and any glibc from 2.17 (Lambda's oldest Python runs on 2.26);
zig links them, for the old symbol versions and because its unwinder is static: no libgcc_s at run time. The command is
a fully static executable, which zig cannot link for glibc: the machine's own gcc does. So are the wrapper and the
extension, which go into layers. The command holds the files of all the others, so they are built first.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import thin_imports

GLIBC = (2, 17)

# Package of the workspace, what cargo calls its library, and the file name Python looks for.
MODULES = (
    ("glowplug-loader", "lib_glowplug.so", "_glowplug.abi3.so"),
    ("glowplug-dumper", "lib_glowplug_dumper.so", "_glowplug_dumper.abi3.so"),
)

# Package of the workspace, its executable, and the name that the command embeds it by.
PROGRAMS = (
    ("glowplug-wrapper", "exec", "exec"),
    ("glowplug-extension", "glowplug-extension", "extension"),
)

# What is loaded beside a program when a snapshot records its plan; it needs no C library, so any linker will do.
AUDITOR = ("glowplug-auditor", "libglowplug_auditor.so", "auditor.so")

STATIC = {"RUSTFLAGS": "-C target-feature=+crt-static"}


def host():
    """The triple that this machine's compiler builds for, such as x86_64-unknown-linux-gnu."""
    report = subprocess.run(["rustc", "-vV"], capture_output=True, text=True, check=True).stdout
    return next(line.split()[1] for line in report.splitlines() if line.startswith("host:"))


def cargo(arguments, target_folder, environment, profile="release"):
    """Runs cargo on the workspace, in a target folder of its own: flags differ, so nothing could be shared."""
    command = ["cargo", *arguments, "--locked", "--profile", profile, "--target-dir", target_folder]
    print(f"    {' '.join(map(str, arguments))}", file=sys.stderr, flush=True)
    subprocess.run(command, check=True, env={**os.environ, **environment})


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
    target = f"{host()}.{GLIBC[0]}.{GLIBC[1]}"
    cargo(["zigbuild", *packages, "--lib", "--target", target], build / "modules", environment)
    payload.mkdir(parents=True, exist_ok=True)
    for _, library, name in MODULES:
        thinned = build / "thinned" / name
        thinned.parent.mkdir(exist_ok=True)
        shutil.copy2(build / "modules" / host() / "release" / library, thinned)
        thin_imports.thin(thinned)
        replace_if_different(thinned, payload / name)


def build_programs(build, payload):
    """Builds the static programs of the layer and the auditor, and puts them into the folder `payload`."""
    payload.mkdir(parents=True, exist_ok=True)
    for package, program, name in PROGRAMS:
        # One by one: the wrapper has no standard library, and features of shared dependencies would be united.
        cargo(["build", "--package", package, "--bin", program, "--target", host()], build / "programs", STATIC)
        replace_if_different(build / "programs" / host() / "release" / program, payload / name)
    package, library, name = AUDITOR
    cargo(["build", "--package", package, "--lib", "--target", host()], build / "auditor", {})
    replace_if_different(build / "auditor" / host() / "release" / library, payload / name)


def build_commands(build, payload):
    """Builds the `glowplug` executable, which embeds the files in `payload`, and `glowplug-bench`; returns their paths.

    At once: one by one they would ask for different features of what both use, and that would be compiled twice. So
    would the tests of the crates, which use the same folder (tests/rust.toml), were not all their packages named.
    """
    environment = {**STATIC, "GLOWPLUG_PAYLOAD": str(payload)}
    names = ("glowplug", "glowplug-bench")
    wanted = ["--workspace", "--exclude", AUDITOR[0], *(argument for name in names for argument in ("--bin", name))]
    cargo(["build", *wanted, "--target", host()], build / "command", environment, profile="command")
    return [build / "command" / host() / "command" / name for name in names]


def replace_if_different(source, destination):
    """Copies, but leaves an equal file's time alone, so that cargo does not build the command again for nothing."""
    if not destination.exists() or destination.read_bytes() != source.read_bytes():
        shutil.copy2(source, destination)
