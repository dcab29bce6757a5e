"""The image section of an archive as far as tests damage it: a second reader, written from `docs/format.md`."""

import struct
from pathlib import Path

import xxhash
from glow_file import GlowFile

KIND = 12
CHECKED_FROM = 24
# Where fields of the section's header lie, and how wide they are.
FIELDS = {
    "magic": (0, "8s"),
    "metadata_length": (8, "<Q"),
    "checksum": (16, "<Q"),
    "data_offset": (24, "<Q"),
    "memory_size": (32, "<Q"),
    "cpu": (40, "48s"),
    "resume": (88, "<Q"),
    "stack_limit": (88 + 168, "<Q"),
    "pack_offset": (472, "<Q"),
    "pack_length": (480, "<Q"),
    "earliest": (496, "<Q"),
}
# Tables: where the header has them, and their records.
MAPPINGS = (312, struct.Struct("<QQQBBBBI"))
LOADS = (320, struct.Struct("<QQ"))
FILES = (344, struct.Struct("<IIIIQQII"))
VARIABLES = (352, struct.Struct("<IIIIQQ"))
LATCH = 408

BUILD_ID = 1


class ImageFile:
    """An archive's bytes, with its image to be changed."""

    def __init__(self, file):
        self.glow = GlowFile(file)
        self.bytes = self.glow.bytes
        self.start, self.length = next(
            (section.offset, section.length) for name, section in self.glow.sections.items() if name in (KIND, "image")
        )

    def get(self, field):
        offset, form = FIELDS[field]
        return struct.unpack_from(form, self.bytes, self.start + offset)[0]

    def set(self, field, value):
        offset, form = FIELDS[field]
        struct.pack_into(form, self.bytes, self.start + offset, value)
        return self

    @property
    def metadata(self):
        return bytes(self.bytes[self.start : self.start + self.get("metadata_length")])

    def rows(self, table):
        """The records of a table, each with its place in the file."""
        at, form = table
        offset, count = struct.unpack_from("<II", self.bytes, self.start + at)
        places = (self.start + offset + number * form.size for number in range(count))
        return [(place, form.unpack_from(self.bytes, place)) for place in places]

    def text(self, offset, length):
        return bytes(self.bytes[self.start + offset : self.start + offset + length])

    @property
    def latch(self):
        return self.text(*struct.unpack_from("<II", self.bytes, self.start + LATCH)).decode()

    @property
    def variables(self):
        """Names of the environment variables that a start compares, and whether they were set."""
        return {self.text(at, size).decode(): bool(was_set) for _, (at, size, was_set, *_) in self.rows(VARIABLES)}

    @property
    def build_ids(self):
        """Where the recorded build-ids lie in the file, by path of what they are of."""
        rows = [row for _, row in self.rows(FILES) if row[2] == BUILD_ID]
        return {self.text(*row[:2]).decode(): self.start + row[6] for row in rows}

    def flip(self, offset, bit=0):
        self.bytes[offset] ^= 1 << bit
        return self

    def seal(self):
        """Makes the checksum of the metadata fit again."""
        return self.set("checksum", xxhash.xxh3_64_intdigest(self.metadata[CHECKED_FROM:]))

    def write(self, path):
        Path(path).write_bytes(self.bytes)
        return path
