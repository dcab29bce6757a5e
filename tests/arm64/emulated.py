"""Debian's arm64 Pythons, unpacked below `target/`, and arm64 programs under QEMU's user-mode emulation.

The kernel is never told about arm64 programs (binfmt_misc would be a setting of the whole machine). A program is
started by naming QEMU; of a Python, what stands in `bin` is a script that does so. The kernel starts that script for
whoever executes the Python: the wrapper, the command, the tests' own subprocesses.
"""

import os
import shlex
import shutil
import subprocess

import debian_archive
import places
import stamp
import toolchain

# The suites of Debian and the Python of each.
PYTHONS = {"3.11": "bookworm", "3.13": "trixie", "3.14": "sid"}

# Only configure a running system, or are Debian's own of what is tested here.
NOT_UNPACKED = (*debian_archive.NOT_UNPACKED, "tzdata", "media-types", "mailcap")

RECIPE = "2"  # Raise it when what this file unpacks changes.

# Longest time for one program: a snapshot is five starts of an emulated Python and an emulated compiler.
PATIENCE = 600


def python(minor):
    """The path of an arm64 Python that runs on this machine; raises `debian_archive.Unavailable`."""
    suite = PYTHONS[minor]
    root = toolchain.HERE / f"{suite}-python{minor}"
    launcher, program = root / "usr" / "bin" / f"python{minor}", root / "usr" / "libexec" / f"python{minor}"
    wanted = stamp.digest(RECIPE, root, toolchain.emulator())
    if stamp.is_current(root / ".stamp", wanted):
        return launcher
    work = places.TARGET / "apt" / f"{suite}-arm64-python{minor}"
    shutil.rmtree(root, ignore_errors=True)
    # The dumper's tests read archives with lz4. Each suite has it for its own Python.
    packages = debian_archive.download(work, suite, [f"python{minor}", "python3-lz4"], ("arm64",))
    debian_archive.unpack_all(packages, root, NOT_UNPACKED)
    debian_archive.make_runnable(launcher, root)
    program.parent.mkdir(exist_ok=True)
    launcher.rename(program)
    # With the launcher as its name, the interpreter finds its library beside it and calls it `sys.executable`.
    words = [str(toolchain.emulator()), "-0", str(launcher), str(program)]
    launcher.write_text(f'#!/bin/sh\nexec {shlex.join(words)} "$@"\n')
    launcher.chmod(0o755)
    shutil.rmtree(work)
    stamp.write(root / ".stamp", wanted)
    return launcher


def environment(**variables):
    """This process's environment without what configures Python, Glowplug or a function, and with `variables`."""
    unwanted = ("GLOWPLUG_", "PYTHON", "AWS_", "LAMBDA_", "QEMU_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(unwanted)}
    return {**kept, **{name: str(value) for name, value in variables.items()}}


def command(program, *arguments):
    """The command line that runs an arm64 program."""
    return list(map(str, [toolchain.emulator(), program, *arguments]))


def run(line, **variables):
    """Runs a command line to its end and returns it; raises `AssertionError` with its output if it fails."""
    done = subprocess.run(
        list(map(str, line)), env=environment(**variables), stdin=subprocess.DEVNULL, capture_output=True, text=True,
        timeout=PATIENCE, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{line[0]} ... ended with {done.returncode}: {(done.stderr or done.stdout).strip()}"
    return done
