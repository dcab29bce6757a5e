"""Stamps: a step is skipped when what it depends on has not changed since it last succeeded."""

import hashlib


def digest(*texts, files=()):
    """One hash over texts and the contents of files, in order."""
    hasher = hashlib.sha256()
    for data in (*(str(text).encode() for text in texts), *(file.read_bytes() for file in files)):
        hasher.update(len(data).to_bytes(8, "little"))
        hasher.update(data)
    return hasher.hexdigest()


def is_current(stamp, wanted):
    """Whether the stamp file was written for exactly `wanted`."""
    return stamp.is_file() and stamp.read_text().strip() == wanted


def write(stamp, wanted):
    """Records success; call it last."""
    stamp.write_text(wanted + "\n")
