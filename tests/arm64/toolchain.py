"""A compiler for arm64: Debian sid's, unpacked below `target/` and run in a mount namespace of its own.

Nothing is installed on the machine. Crates come from the machine's own cargo, which fetches what `Cargo.lock` names;
sid's cargo then builds without a network.
"""

import os
import shutil
import subprocess
from pathlib import Path

import debian_archive
import places
import stamp
from debian_archive import Unavailable
from progress import step

HERE = places.TARGET / "arm64"
ROOT = HERE / "toolchain"
BUILD = HERE / "build"
TRIPLE = "aarch64-unknown-linux-gnu"

# `cargo` and `gcc` build what runs during a build; QEMU's program is static since it is packaged as `qemu-user`.
PACKAGES = ("cargo", "rustc", "gcc", "libc6-dev", "gcc-aarch64-linux-gnu", "libc6-dev-arm64-cross",
            "libstd-rust-dev:arm64", "qemu-user", "qemu-system-arm")  # fmt: skip

# Only configures a running system.
NOT_UNPACKED = ("debconf",)

RECIPE = "1"  # Raise it when what this file unpacks changes.


def make():
    """Unpacks the compiler, unless it is there; raises `Unavailable`."""
    wanted = stamp.digest(RECIPE, ROOT, *PACKAGES)
    if stamp.is_current(ROOT / ".stamp", wanted):
        return
    if os.uname().machine != "x86_64":
        raise Unavailable(f"the compiler is one for x86-64 machines, and this is {os.uname().machine}")
    if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
        raise Unavailable("this machine has no apt-get and dpkg-deb to fetch it with")
    work = places.TARGET / "apt" / "sid-arm64-toolchain"
    shutil.rmtree(ROOT, ignore_errors=True)
    with step("fetching a compiler for arm64 from Debian sid (300 MB)"):
        packages = debian_archive.download(work, "sid", PACKAGES, ("amd64", "arm64"))
    debian_archive.unpack_all(packages, ROOT, NOT_UNPACKED)
    shutil.rmtree(work)
    stamp.write(ROOT / ".stamp", wanted)


def emulator():
    """QEMU's program for arm64 processes. It is static and runs outside of the namespace too."""
    program = ROOT / "usr" / "bin" / "qemu-aarch64"
    return program if program.exists() else program.with_name("qemu-aarch64-static")


def cargo_home():
    """Where the machine's cargo keeps what it fetched."""
    return Path(os.environ.get("CARGO_HOME") or Path.home() / ".cargo")


def namespace():
    """The start of a command line that runs a program with the unpacked system as `/usr`."""
    if shutil.which("bwrap") is None:
        raise Unavailable("bwrap is missing: apt-get install bubblewrap")
    links = [
        argument for name in ("bin", "lib", "lib64", "sbin") for argument in ("--symlink", f"usr/{name}", f"/{name}")
    ]
    command = ["bwrap", "--die-with-parent", "--unshare-net", "--ro-bind", ROOT / "usr", "/usr", *links,
               "--dev", "/dev", "--proc", "/proc", "--tmpfs", "/tmp", "--bind", cargo_home(), cargo_home(),
               "--bind", places.REPOSITORY, places.REPOSITORY, "--chdir", places.REPOSITORY]  # fmt: skip
    try:
        debian_archive.run([*command, "/usr/bin/rustc", "--version"], "running the unpacked compiler")
    except Unavailable as why:
        raise Unavailable(f"{why}; namespaces need root, or a kernel that allows them to users") from None
    return command


def fetch_crates():
    """Has the machine's cargo fetch the crates that the workspace is locked to."""
    if shutil.which("cargo") is None:
        raise Unavailable("this machine has no cargo to fetch crates with: install Rust (stable)")
    with step("fetching crates"):
        debian_archive.run(["cargo", "fetch", "--quiet", "--locked"], "cargo fetch")


def cargo(arguments, *, folder, flags="", **variables):
    """Runs sid's cargo for arm64, in a target folder of its own; returns the folder with what was built."""
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("CARGO_", "RUST", "PYO3_"))},
        "PATH": "/usr/bin",
        "CARGO_HOME": str(cargo_home()),
        f"CARGO_TARGET_{TRIPLE.upper().replace('-', '_')}_LINKER": "aarch64-linux-gnu-gcc",
        # `cc` is a link that is made when Debian's package is installed.
        "CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_LINKER": "gcc",
        "HOST_CC": "gcc",
        # Of this triple alone: build scripts and procedural macros are the machine's.
        f"CARGO_TARGET_{TRIPLE.upper().replace('-', '_')}_RUSTFLAGS": flags,
        "CC_aarch64_unknown_linux_gnu": "aarch64-linux-gnu-gcc",
        "AR_aarch64_unknown_linux_gnu": "aarch64-linux-gnu-ar",
        **{name: str(value) for name, value in variables.items()},
    }
    command = [*namespace(), "cargo", "build", *arguments, "--quiet", "--locked", "--offline", "--target", TRIPLE,
               "--target-dir", BUILD / folder, "--jobs", os.environ.get("JOBS") or "2"]  # fmt: skip
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"cargo build {' '.join(arguments)}:\n{done.stderr.strip()[-6000:]}")
    profile = arguments[arguments.index("--profile") + 1]
    return BUILD / folder / TRIPLE / profile
