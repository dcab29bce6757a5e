"""Packages from another Debian suite, unpacked into a folder; above all a Python, made to run from there.

The machine's own apt configuration is read (for the mirror) and never changed: apt works on sources, lists and a
package database of its own, so the whole dependency closure is fetched, down to libc.
"""

import os
import shutil
import subprocess

import places
import stamp
from progress import say, step

# Part of the closure, but of no use to an unpacked interpreter: packages that only configure a running system, kernel
# headers (extension modules are not built here; headers serve to check object layouts), and what the `test` package
# wants for tests of the network.
NOT_UNPACKED = (
    "debconf", "ca-certificates", "linux-libc-dev", "openssl", "openssl-provider-legacy",
    "net-tools", "libselinux1", "libpcre2-8-0",
)  # fmt: skip

# CPython's own tests: some are no valid Python, on purpose; together they are two thirds of what there is to compile.
NOT_COMPILED = r"/lib/python3\.\d+/test/"

RECIPE = "4"  # Raise it when what this file produces changes.


class Unavailable(Exception):
    """The interpreter cannot be had here; the text says why."""


def mirror():
    """The base address of the Debian mirror that this machine uses."""
    if named := os.environ.get("GLOWPLUG_DEBIAN_MIRROR"):
        return named
    listing = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    for address in listing.stdout.split():
        if address.rstrip("/").endswith("/debian"):
            return address
    raise Unavailable("no Debian mirror in this machine's apt sources: set GLOWPLUG_DEBIAN_MIRROR")


def keyring():
    """The file with Debian's archive keys."""
    for name in ("debian-archive-keyring.gpg", "debian-archive-keyring.pgp"):
        path = places.Path("/usr/share/keyrings") / name
        if path.exists():
            return path
    raise Unavailable("Debian's archive keys are missing: apt-get install debian-archive-keyring")


def run(command, what):
    """Runs a command; its last lines become the reason when it fails."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        tail = " / ".join((done.stderr or done.stdout).strip().splitlines()[-3:])
        raise Unavailable(f"{what} failed: {tail}")
    return done.stdout


def isolated_apt(folder, suite, architectures=()):
    """Writes an apt configuration that sees only `suite` and an empty package database; returns its path.

    Of `architectures` the first is the one that packages are for unless they say another; none: this machine's.
    """
    for sub in ("etc/sources.d", "etc/preferences.d", "state/lists/partial", "cache/archives/partial"):
        (folder / sub).mkdir(parents=True, exist_ok=True)
    (folder / "etc/sources.list").write_text(f"deb [signed-by={keyring()}] {mirror()} {suite} main\n")
    (folder / "status").touch()
    configuration = folder / "apt.conf"
    configuration.write_text(
        f'Dir::Etc::sourcelist "{folder}/etc/sources.list";\n'
        f'Dir::Etc::sourceparts "{folder}/etc/sources.d";\n'
        f'Dir::Etc::preferencesparts "{folder}/etc/preferences.d";\n'
        f'Dir::Etc::preferences "{folder}/etc/preferences";\n'
        f'Dir::State "{folder}/state";\n'
        f'Dir::State::status "{folder}/status";\n'
        f'Dir::Cache "{folder}/cache";\n'
        # A mirror's copy of a moving suite may carry a Release file whose validity has run out.
        'Acquire::Check-Valid-Until "false";\n'
        # The default wants to drop to a user who may not be able to enter this folder.
        'APT::Sandbox::User "root";\n'
        'APT::Install-Recommends "false";\n'
        + "".join(f'APT::Architecture "{first}";\n' for first in architectures[:1])
        + "".join(f'APT::Architectures:: "{each}";\n' for each in architectures)
    )
    return configuration


def download(work, suite, packages, architectures=()):
    """Fetches packages of a suite and all that they need, into the folder `work`; returns the files."""
    shutil.rmtree(work, ignore_errors=True)
    apt = ["apt-get", "-c", isolated_apt(work, suite, architectures), "-qq", "-y"]
    run([*apt, "update"], "apt-get update")
    run([*apt, "--download-only", "install", *packages], "apt-get install --download-only")
    return sorted((work / "cache" / "archives").glob("*.deb"))


def library_folder(root):
    """The unpacked multiarch folder that holds libc."""
    found = sorted(root.glob("usr/lib/*/libc.so.6")) + sorted(root.glob("lib/*/libc.so.6"))
    if not found:
        raise Unavailable("the unpacked packages hold no libc.so.6")
    return found[0].parent


def make_runnable(executable, root):
    """Points the executable at the unpacked dynamic linker and libraries.

    DT_RPATH, not DT_RUNPATH: it is inherited, so the libraries that extension modules need are found there too.
    """
    linkers = list(library_folder(root).glob("ld-linux*.so.*"))
    if len(linkers) != 1:
        raise Unavailable(f"expected one dynamic linker beside libc, found {len(linkers)}")
    patchelf = places.TOOLS / "bin" / "patchelf"
    search = [library_folder(root), *(f for f in [root / "usr" / "lib" / library_folder(root).name] if f.is_dir())]
    run(
        [patchelf, "--set-interpreter", linkers[0], "--force-rpath", "--set-rpath",
         ":".join(dict.fromkeys(map(str, search))), executable],
        "patchelf",
    )  # fmt: skip


def unpack(package, root):
    """Unpacks a package. Through tar, since `dpkg-deb -x` would replace symbolic links to folders by folders."""
    run(["sh", "-c", 'dpkg-deb --fsys-tarfile "$1" | tar -x --keep-directory-symlink -C "$2"', "unpack", package, root],
        f"unpacking {package.name}")  # fmt: skip


def unpack_all(packages, root, left_out=NOT_UNPACKED):
    """Unpacks packages into the new folder `root`, but for those named in `left_out`."""
    with step(f"unpacking {len(packages)} packages into {root.relative_to(places.REPOSITORY)}"):
        # As on Debian since the merge of / and /usr; older suites' packages still unpack into /lib.
        for name in ("bin", "lib", "lib64", "sbin"):
            (root / "usr" / name).mkdir(parents=True)
            (root / name).symlink_to(f"usr/{name}")
        for package in packages:
            if package.name.split("_")[0] not in left_out:
                unpack(package, root)


def compile_library(executable, library):
    """Writes the .pyc files of a standard library without its tests, as Debian's packages do when they are installed.

    Without them each start would compile what it imports, and be no measure for anything.
    """
    run([executable, "-m", "compileall", "-q", "-j", str(os.cpu_count() or 1), "-x", NOT_COMPILED, library],
        f"compiling {library.name}")  # fmt: skip


def python(suite, minor):
    """Returns the path of `suite`'s Python `minor`, unpacked and runnable; raises `Unavailable`."""
    root = places.unpacked_debian(suite, minor)
    executable = root / "usr" / "bin" / f"python{minor}"
    # The executable holds absolute paths of this folder: a moved tree is unpacked anew.
    wanted = stamp.digest(suite, minor, root, RECIPE)
    if stamp.is_current(root / ".stamp", wanted) and executable.exists():
        return executable
    if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
        raise Unavailable("this machine has no apt-get and dpkg-deb to fetch it with")
    shutil.rmtree(root, ignore_errors=True)
    work = places.TARGET / "apt" / f"{suite}-python{minor}"
    with step(f"fetching Python {minor} and its libraries from Debian {suite}"):
        wanted_packages = [f"python{minor}", f"python{minor}-venv", f"libpython{minor}-dev", "libstdc++6",
                           f"libpython{minor}-testsuite"]  # fmt: skip
        packages = download(work, suite, wanted_packages)
    unpack_all(packages, root)
    make_runnable(executable, root)
    run([executable, "-c", "import ssl, sqlite3, ctypes, lzma"], f"starting the unpacked Python {minor}")
    with step(f"compiling the standard library of Python {minor}"):
        compile_library(executable, root / "usr" / "lib" / f"python{minor}")
    shutil.rmtree(work)
    stamp.write(root / ".stamp", wanted)
    say(f"Python {minor} from Debian {suite} runs from {root.relative_to(places.REPOSITORY)}")
    return executable


def test_package(suite, minor, library, destination):
    """Makes a folder with the whole `test` package for an installed Python, whose own one Debian keeps short.

    The installed part, in `library`, is joined with the rest from `suite`. It is not installed, since it would bring a
    newer Python with it. Raises `Unavailable`.
    """
    wanted = stamp.digest(suite, minor, RECIPE, files=[library / "test" / "support" / "__init__.py"])
    if stamp.is_current(destination / ".stamp", wanted):
        return
    shutil.rmtree(destination, ignore_errors=True)
    work = places.TARGET / "apt" / f"{suite}-python{minor}-tests"
    shutil.rmtree(work, ignore_errors=True)
    with step(f"fetching the tests of Python {minor} from Debian {suite}"):
        apt = ["apt-get", "-c", isolated_apt(work, suite), "-qq", "-y"]
        run([*apt, "update"], "apt-get update")
        run(["env", "-C", work, *apt, "download", f"libpython{minor}-testsuite"], "apt-get download")
        for package in work.glob("*.deb"):
            unpack(package, work)
        shutil.copytree(library / "test", destination / "test", ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copytree(work / "usr/lib" / f"python{minor}" / "test", destination / "test", dirs_exist_ok=True)
    shutil.rmtree(work)
    stamp.write(destination / ".stamp", wanted)
