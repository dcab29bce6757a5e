"""Builds the static programs of the layer and the auditor, into `target/wheel/payload`.

They need neither zig nor the tools' environment: `make test` builds them while that is installed.
"""

from pathlib import Path

import cargo

# Package of the workspace, its executable, and the name that the command embeds it by.
PROGRAMS = (
    ("glowplug-wrapper", "exec", "exec"),
    ("glowplug-extension", "glowplug-extension", "extension"),
)

# What is loaded beside a program when a snapshot records its plan; it needs no C library, so any linker will do.
AUDITOR = ("glowplug-auditor", "libglowplug_auditor.so", "auditor.so")

REPOSITORY = Path(__file__).resolve().parents[2]
BUILD = REPOSITORY / "target" / "wheel"
PAYLOAD = BUILD / "payload"


def build(build, payload):
    """Builds the static programs of the layer and the auditor, and puts them into the folder `payload`."""
    payload.mkdir(parents=True, exist_ok=True)
    for package, program, name in PROGRAMS:
        # One by one: the wrapper has no standard library, and features of shared dependencies would be united.
        wanted = ["--package", package, "--bin", program, "--target", cargo.host()]
        cargo.run(["build", *wanted], build / "release", cargo.STATIC)
        cargo.replace_if_different(build / "release" / cargo.host() / "release" / program, payload / name)
    package, library, name = AUDITOR
    cargo.run(["build", "--package", package, "--lib", "--target", cargo.host()], build / "auditor", {})
    cargo.replace_if_different(build / "auditor" / cargo.host() / "release" / library, payload / name)


if __name__ == "__main__":
    build(BUILD, PAYLOAD)
