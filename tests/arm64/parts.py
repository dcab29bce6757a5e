"""The arm64 programs: what is built, how, and what each must be."""

import re
from dataclasses import dataclass

import debian_archive
import toolchain

PAYLOAD = toolchain.HERE / "payload"
STATIC = "-C target-feature=+crt-static"
MODULE = {"PYO3_BUILD_EXTENSION_MODULE": "1", "PYO3_NO_PYTHON": "1"}


@dataclass(frozen=True)
class Part:
    """A package of the workspace, what of it is built, cargo's name for the file, and its name in the payload."""

    package: str
    what: tuple
    file: str
    name: str

    @property
    def static(self):
        """Whether it is a program, which must need no library."""
        return self.what[0] == "--bin"

    def build(self):
        """Builds it; returns the file. Raises `RuntimeError` with what the compiler said."""
        destination = PAYLOAD / self.name
        profile = "command" if self.package == "glowplug" else "release"
        # Of `modules` and `programs` the flags differ, so nothing could be shared.
        try:
            folder = toolchain.cargo(
                ["--package", self.package, *self.what, "--profile", profile],
                folder="programs" if self.static else "modules", flags=STATIC if self.static else "",
                **MODULE, GLOWPLUG_PAYLOAD=PAYLOAD,
            )  # fmt: skip
        except RuntimeError:
            # What an earlier run built must not be tried for it.
            destination.unlink(missing_ok=True)
            raise
        PAYLOAD.mkdir(parents=True, exist_ok=True)
        content = (folder / self.file).read_bytes()
        # An equal file's time is left alone, so that the command is not built again for nothing.
        if not destination.exists() or destination.read_bytes() != content:
            destination.write_bytes(content)
        destination.chmod(0o755 if self.static else 0o644)
        return destination


# The command is last: it holds the others.
PARTS = {
    "wrapper": Part("glowplug-wrapper", ("--bin", "exec"), "exec", "exec"),
    "extension": Part("glowplug-extension", ("--bin", "glowplug-extension"), "glowplug-extension", "extension"),
    "loader": Part("glowplug-loader", ("--lib",), "lib_glowplug.so", "_glowplug.abi3.so"),
    "dumper": Part("glowplug-dumper", ("--lib",), "lib_glowplug_dumper.so", "_glowplug_dumper.abi3.so"),
    "auditor": Part("glowplug-auditor", ("--lib",), "libglowplug_auditor.so", "auditor.so"),
    "command": Part("glowplug", ("--bin", "glowplug"), "glowplug", "glowplug"),
}


def looks(part, file):
    """Says what a built file is; raises `AssertionError` if it is not for arm64, or a program that needs libraries."""
    shown = debian_archive.run(["readelf", "-hldVW", file], "readelf")
    assert "Machine:                           AArch64" in shown, shown
    size = f"{file.stat().st_size / 1e3:.0f} kB"
    if part.static:
        assert "INTERP" not in shown, "it asks for a dynamic linker"
        assert "(NEEDED)" not in shown, "it needs libraries"
        return f"{size}, static"
    versions = [tuple(map(int, found)) for found in re.findall(r"\bGLIBC_(\d+)\.(\d+)", shown)]
    return f"{size}, needs glibc {'.'.join(map(str, max(versions)))}" if versions else f"{size}, needs no C library"
