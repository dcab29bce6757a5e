"""Builds `dist/glowplug-*.whl` for this machine's platform. Run it with the Python of the tools' environment.

Binaries, then their linkage is checked, then everything is staged and hatchling packs it.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import binaries
import cargo
import linkage
import programs

PACKAGING = Path(__file__).resolve().parent
REPOSITORY = PACKAGING.parents[1]
DIST = REPOSITORY / "dist"

# Older pips know this platform tag by another name (PEP 600).
LEGACY_TAGS = {(2, 17): "manylinux2014"}


def version():
    """The version of the workspace's crates."""
    command = ["cargo", "metadata", "--no-deps", "--format-version", "1"]
    packages = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)["packages"]
    return next(package["version"] for package in packages if package["name"] == "glowplug")


def platform_tag():
    """The tag that says which glibc and machine the modules ask for."""
    machine = cargo.host().split("-")[0]
    major, minor = binaries.GLIBC
    return f"manylinux_{major}_{minor}_{machine}.{LEGACY_TAGS[binaries.GLIBC]}_{machine}"


def check_linkage(modules, programs):
    """Stops with what is wrong when a binary needs more than it may."""
    faults = [fault for program in programs for fault in linkage.faults_of_static_executable(program)]
    for module in modules:
        faults += linkage.faults_of_module(module, binaries.GLIBC)
    if faults:
        sys.exit("the binaries are not portable:\n  " + "\n  ".join(faults))


def stage(folder, payload, commands):
    """Lays out what the wheel is made of; the dumper is inside the command only."""
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "bin").mkdir(parents=True)
    for file in (PACKAGING / "pyproject.toml", PACKAGING / "hatch_build.py", *REPOSITORY.glob("LICENSE-*"),
                 REPOSITORY / "README.md", payload / "_glowplug.abi3.so",
                 REPOSITORY / "layer" / "python" / "glowplug.pth"):  # fmt: skip
        shutil.copy2(file, folder)
    shutil.copytree(
        REPOSITORY / "layer" / "python" / "glowplug", folder / "glowplug", ignore=shutil.ignore_patterns("__pycache__")
    )
    for command in commands:
        shutil.copy2(command, folder / "bin")


def pack(folder):
    """Has hatchling make the wheel of the staged folder; returns its path."""
    for old in DIST.glob("glowplug-*.whl"):
        old.unlink()
    environment = {**os.environ, "GLOWPLUG_VERSION": version(), "GLOWPLUG_PLATFORM_TAG": platform_tag()}
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", DIST],
        cwd=folder, env=environment, check=True, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    (wheel,) = DIST.glob("glowplug-*.whl")
    return wheel


def main():
    build, payload = programs.BUILD, programs.PAYLOAD
    print("wheel: building the modules, the layer's programs and the command", file=sys.stderr, flush=True)
    programs.build(build, payload)
    binaries.build_modules(build, payload)
    commands = binaries.build_commands(build, payload)
    check_linkage(sorted(payload.glob("*.so")), [*commands, *(payload / name for _, _, name in programs.PROGRAMS)])
    stage(build / "stage", payload, commands)
    wheel = pack(build / "stage")
    print(f"wheel: {wheel.relative_to(REPOSITORY)}, {wheel.stat().st_size / 1e6:.1f} MB", file=sys.stderr)


if __name__ == "__main__":
    main()
