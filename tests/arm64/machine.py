"""A whole arm64 machine, emulated: a kernel of Debian's, and a Debian system with a Python, glowplug and these tests.

User emulation shows the x86-64 kernel's `/proc` and addresses that are QEMU's, so no process image can be taken under
it. Here QEMU emulates the machine too, and what runs in it is alone with an arm64 kernel.
"""

import gzip
import json
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import debian_archive
import emulated
import places
import stamp
import toolchain
from progress import step

HERE = toolchain.HERE / "machine"
GUEST = Path(__file__).resolve().parent / "guest"
# What the tests of the process image import, as far as they run there; `tests/requirements` says which version.
REQUIREMENTS = ("pytest", "xxhash", "lz4", "cryptography", "numpy", "awslambdaric")
# Beside Python: a shell and small commands, namespaces and users for the tests, the sandbox of a snapshot.
PACKAGES = ("busybox-static", "dash", "coreutils", "mount", "util-linux", "bubblewrap", "libstdc++6")
# Loaded before the disk is there, each after what it depends on. Not every kernel has all of them as modules.
MODULES = ("virtio_pci", "virtio_blk", "crc32c_generic", "ext4")
# Only configure a running system.
NOT_UNPACKED = ("debconf", "tzdata", "media-types", "mailcap")
# Sid's kernel is in several.
KERNEL_PACKAGES = ("linux-image-", "linux-binary-", "linux-modules-", "busybox-static_")
RECIPE = "1"  # Raise it when what this file unpacks changes.
MEMORY_MB = 3072
# Seconds for all that is done in one machine.
PATIENCE = 3000
# Those that say something about the machine, and need no more of it than there is.
TESTS = tuple(f"image/test_image_{subject}.py" for subject in (
    "after_restore", "cold", "guards", "damage", "crash", "exit", "late_imports", "secrets", "shared_text",
    "uniqueness",
))  # fmt: skip


@dataclass(frozen=True)
class Machine:
    """A Debian suite's kernel, a Python with the Debian system that it is of, and a processor."""

    kernel: str
    minor: str
    processor: str


# Graviton2, which Lambda's arm64 is, is a Neoverse N1; Linux 5.10 is the oldest kernel there may be. The others sign
# return addresses and have longer vectors.
MACHINES = (
    Machine("bullseye", "3.11", "neoverse-n1"),
    Machine("trixie", "3.13", "neoverse-v1"),
    Machine("sid", "3.14", "max,pauth-impdef=on"),
)


@dataclass(frozen=True)
class Kernel:
    """A kernel and how to start it."""

    release: str
    image: Path
    ramdisk: Path


def kernel(suite):
    """The kernel of a Debian suite; raises `debian_archive.Unavailable`."""
    folder = HERE / f"{suite}-kernel"
    image, ramdisk, release = folder / "image", folder / "ramdisk", folder / "release"
    begin = (GUEST / "begin.sh").read_bytes()
    wanted = stamp.digest(RECIPE, suite, *MODULES, begin)
    if not stamp.is_current(folder / ".stamp", wanted):
        shutil.rmtree(folder, ignore_errors=True)
        work, unpacked = places.TARGET / "apt" / f"{suite}-arm64-kernel", folder / "unpacked"
        unpacked.mkdir(parents=True)
        with step(f"fetching the arm64 kernel of Debian {suite}"):
            packages = debian_archive.download(work, suite, ["linux-image-cloud-arm64", "busybox-static"], ("arm64",))
        for package in packages:
            if package.name.startswith(KERNEL_PACKAGES):
                debian_archive.unpack(package, unpacked)
        shutil.rmtree(work)
        (found,) = unpacked.glob("**/vmlinuz*")
        shutil.copy2(found, image)
        (modules_of,) = unpacked.glob("**/modules/*/kernel")
        (busybox,) = unpacked.glob("**/bin/busybox")
        modules = load_order(unpacked)
        files = {"init": begin, "busybox": busybox.read_bytes()}
        files |= {f"modules/{n:02}-{path.name}": path.read_bytes() for n, path in enumerate(modules)}
        ramdisk.write_bytes(gzip.compress(archive_of(files), 1))
        release.write_text(modules_of.parent.name)
        shutil.rmtree(unpacked)
        stamp.write(folder / ".stamp", wanted)
    return Kernel(release.read_text(), image, ramdisk)


def load_order(unpacked):
    """The files of the modules and of what they depend on, in an order in which they can be loaded."""
    for packed in unpacked.glob("**/*.ko.xz"):
        debian_archive.run(["xz", "-d", packed], "unpacking a module")
    known = {path.stem.replace("-", "_"): path for path in unpacked.glob("**/*.ko")}
    order = []

    def add(name):
        path = known.get(name)
        if path is None or path in order:
            return  # it is part of the kernel
        for needed in re.findall(rb"\0depends=([^\0]*)\0", path.read_bytes())[0].decode().split(","):
            add(needed.replace("-", "_"))
        order.append(path)

    for module in MODULES:
        add(module)
    return order


def archive_of(files):
    """An initial RAM disk (the kernel's Documentation/driver-api/early-userspace/buffer-format.rst: "newc")."""
    entries = [(name, 0o40755, b"") for name in ("dev", "proc", "root", "modules")]
    entries += [(name, 0o100755, content) for name, content in files.items()]
    written = bytearray()
    for number, (name, mode, content) in enumerate([*entries, ("TRAILER!!!", 0, b"")], 1):
        fields = (number, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(name) + 1, 0)
        written += b"070701" + b"".join(b"%08x" % field for field in fields) + name.encode() + b"\0"
        written += bytes(-len(written) % 4) + content
        written += bytes(-len(written) % 4)
    return bytes(written)


def system(minor, payload, command):
    """The disk of a machine with a Python; raises `debian_archive.Unavailable`."""
    suite = emulated.PYTHONS[minor]
    root, disk = HERE / f"{suite}-python{minor}", HERE / f"{suite}-python{minor}.disk"
    library = root / "usr" / "local" / "lib" / f"python{minor}" / "dist-packages"
    wanted = stamp.digest(RECIPE, suite, minor, *PACKAGES, *REQUIREMENTS)
    if not stamp.is_current(root / ".stamp", wanted):
        shutil.rmtree(root, ignore_errors=True)
        work = places.TARGET / "apt" / f"{suite}-arm64-machine{minor}"
        with step(f"fetching an arm64 system with Python {minor}"):
            packages = debian_archive.download(work, suite, [f"python{minor}", *PACKAGES], ("arm64",))
        debian_archive.unpack_all(packages, root, NOT_UNPACKED)
        shutil.rmtree(work)
        install(minor, library)
        stamp.write(root / ".stamp", wanted)
    # As the wheel lays itself out.
    for name in ("dev", "proc", "sys", "tmp", "run", "root", "glowplug"):
        (root / name).mkdir(exist_ok=True)
    shutil.copytree(places.REPOSITORY / "layer" / "python", library, dirs_exist_ok=True)
    shutil.copy2(payload / "_glowplug.abi3.so", library)
    shutil.copy2(command, root / "usr" / "bin" / "glowplug")
    shutil.rmtree(root / "glowplug")
    ignored = shutil.ignore_patterns("__pycache__", "recipes", "cpython")
    shutil.copytree(places.REPOSITORY / "tests", root / "glowplug" / "tests", ignore=ignored)
    (root / "etc").mkdir(exist_ok=True)
    (root / "etc" / "passwd").write_text("root:x:0:0::/root:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n")
    (root / "etc" / "group").write_text("root:x:0:\nnogroup:x:65534:\n")
    (root / "etc" / "hosts").write_text("127.0.0.1 localhost\n")
    disk.unlink(missing_ok=True)
    debian_archive.run(["mke2fs", "-q", "-t", "ext4", "-d", root, disk, "1200M"], "mke2fs")
    return disk


def install(minor, library):
    """Installs wheels for arm64, of the versions that that Python is tested with."""
    library.mkdir(parents=True)
    platforms = [argument for version in ("2014", "_2_17", "_2_28", "_2_34")
                 for argument in ("--platform", f"manylinux{version}_aarch64")]  # fmt: skip
    constraints = places.REQUIREMENTS / f"{minor}.txt"
    debian_archive.run(
        [places.TOOLS / "bin" / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
         "--only-binary", ":all:", *platforms, "--python-version", minor, "--implementation", "cp", "--target", library,
         "--constraint", constraints, *REQUIREMENTS],
        "installing wheels for arm64",
    )  # fmt: skip


def image_is_restored(machine, payload, command):
    """Runs the tests of the process image in a machine; says what came of them."""
    assert command is not None, "the command was not built"
    disk = system(machine.minor, payload, command)
    try:
        said = boot(kernel(machine.kernel), disk, machine.processor, *TESTS)
    finally:
        disk.unlink()
    bad = said["failures"] + said["errors"]
    passed = said["tests"] - bad - said["skipped"]
    counts = f"{passed} passed, {bad} failed, {said['skipped']} skipped"
    assert said["status"] == 0, f"see {disk.with_suffix('.console')}: {counts}"
    assert passed > 0, counts
    return f"Linux {said['kernel']}, CPython {said['python']}: {counts}"


def boot(of, disk, model, *words):
    """Starts a machine with a processor `model`, which runs `guest/trial.py` with `words`; returns what that says.

    Raises `AssertionError` with the end of the console where it does not come to an end.
    """
    order = f"glowplug.trial={','.join(words)}"
    program = [*toolchain.namespace(), "qemu-system-aarch64", "-machine", "virt", "-cpu", model, "-smp", "2",
               "-m", str(MEMORY_MB), "-nographic", "-no-reboot", "-nic", "none", "-kernel", of.image,
               "-initrd", of.ramdisk, "-drive", f"file={disk},format=raw,if=virtio,snapshot=on,cache=unsafe",
               "-append", f"console=ttyAMA0 panic=-1 quiet {order}"]  # fmt: skip
    console = HERE / f"{Path(disk).stem}.console"
    with console.open("wb") as output:
        # What the machine writes to its disk goes into a temporary file.
        streams = {"stdin": subprocess.DEVNULL, "stdout": output, "stderr": output}
        with subprocess.Popen(list(map(os.fspath, program)), env={**os.environ, "TMPDIR": str(HERE)}, **streams) as it:
            try:
                it.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                it.kill()
    text = console.read_text("utf-8", "replace").replace("\r", "")
    said = re.findall(r"^glowplug-trial: (.*)$", text, re.MULTILINE)
    assert said, f"the machine did not come to an end:\n{text[-3000:]}"
    return json.loads(said[-1])
