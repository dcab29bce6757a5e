"""The `.glow` format as far as tests damage it: a second reader, written from `docs/format.md`."""

import struct
from dataclasses import dataclass
from pathlib import Path

import xxhash

PAGE = 4096
CHECKSUM_AT = PAGE - 8
TABLE_AT = 176
SECTION = struct.Struct("<IIQQQQ")
MODULE = struct.Struct("<QIIIIHHIIIQQqQQ")
RANGE = struct.Struct("<QIIQIIQ")
REGEX = struct.Struct("<QIIQ")

# Kinds of ranges.
POOL, TRANSIENT = 1, 2

# Where fields of the header lie, and how wide they are.
FIELDS = {
    "magic": (0, "8s"),
    "major": (8, "<H"),
    "minor": (10, "<H"),
    "section_count": (12, "<I"),
    "file_size": (16, "<Q"),
    "fingerprint": (24, "<Q"),
    "machine": (32, "<H"),
    "validation": (34, "<B"),
    "optimize": (35, "<B"),
    "page_size": (36, "<I"),
    "python_version": (40, "<I"),
    "flags": (44, "<I"),
    "preferred_base": (48, "<Q"),
    "soabi": (56, "48p"),
    "interpreter": (104, "33p"),
    "libc": (137, "33p"),
    "garbage": (2744, "<I"),
}

SECTIONS = {
    1: "names",
    2: "roots",
    3: "modules",
    4: "ranges",
    6: "heap",
    7: "compiled",
    8: "regexes",
    9: "sources",
    10: "manifest",
    11: "plan",
}


@dataclass
class Section:
    """A row of the section table."""

    name: str
    offset: int
    length: int


class GlowFile:
    """An archive's bytes, to be changed and written elsewhere."""

    def __init__(self, file):
        self.bytes = bytearray(Path(file).read_bytes())

    def get(self, field):
        offset, form = FIELDS[field]
        return struct.unpack_from(form, self.bytes, offset)[0]

    def set(self, field, value):
        """Changes a field of the header; the header's own checksum is not renewed."""
        offset, form = FIELDS[field]
        struct.pack_into(form, self.bytes, offset, value)
        return self

    @property
    def sections(self):
        """The section table by name, in file order."""
        rows = (SECTION.unpack_from(self.bytes, TABLE_AT + n * SECTION.size) for n in range(self.get("section_count")))
        return {SECTIONS.get(kind, kind): Section(SECTIONS.get(kind, kind), at, size) for kind, _, at, size, *_ in rows}

    def set_section(self, number, **changes):
        """Changes a row of the section table."""
        at = TABLE_AT + number * SECTION.size
        names = ("kind", "flags", "offset", "length", "checksum", "reserved")
        row = dict(zip(names, SECTION.unpack_from(self.bytes, at), strict=True))
        SECTION.pack_into(self.bytes, at, *{**row, **changes}.values())
        return self

    def seal(self):
        """Makes fingerprint and checksum of the header fit its content again."""
        numbers = (self.get(name) for name in ("machine", "page_size", "python_version", "flags"))
        parts = [struct.pack(form, n) for form, n in zip(("<H", "<I", "<I", "<I"), numbers, strict=True)]
        parts += [self.get(name) for name in ("soabi", "interpreter", "libc")]
        key = xxhash.xxh3_128_intdigest(b"".join(struct.pack("<Q", len(part)) + part for part in parts))
        self.set("fingerprint", (key >> 64) ^ (key & (2**64 - 1)))
        return self.seal_checksum()

    def seal_checksum(self):
        """Makes the checksum of the header fit, and leaves all else."""
        struct.pack_into("<Q", self.bytes, CHECKSUM_AT, xxhash.xxh3_64_intdigest(bytes(self.bytes[:CHECKSUM_AT])))
        return self

    def flip(self, offset, bit=0):
        """Turns one bit of the file over."""
        self.bytes[offset] ^= 1 << bit
        return self

    def section_bytes(self, name):
        section = self.sections[name]
        return bytes(self.bytes[section.offset : section.offset + section.length])

    def rows(self, name, form):
        """A section of fixed-width records."""
        return list(form.iter_unpack(self.section_bytes(name)))

    def module(self, name):
        """One module's places in the file, as (offset, length) of its objects (transient ones first),
        relocation bitmaps and source."""
        names = self.section_bytes("names")
        for row in self.rows("modules", MODULE):
            _, name_at, name_length, *_, number, _, stored, source_at, _, _, _, _ = row
            if names[name_at : name_at + name_length].decode() == name:
                ranges = self.rows("ranges", RANGE)
                _, size, _, start, length, bitmaps, _ = ranges[number]
                distance = sum(kind == TRANSIENT for _, _, kind, *_ in ranges)
                _, persistent_size, _, persistent, persistent_length, *_ = ranges[number - distance]
                at = {name: section.offset for name, section in self.sections.items()}
                return {
                    "heap": (at["heap"] + start, length),
                    "persistent": (at["heap"] + persistent, persistent_length),
                    "relocations": (at["heap"] + start + length, bitmaps),
                    "unpacked": size + persistent_size,
                    "sources": (at["sources"] + source_at, stored),
                }
        raise KeyError(name)

    def pool_chunks(self):
        """Places of the chunks of shared strings, as (offset, length)."""
        heap = self.sections["heap"].offset
        return [(heap + at, length) for _, _, kind, at, length, *_ in self.rows("ranges", RANGE) if kind == POOL]

    def regexes(self):
        """Places of the compiled expressions, as (offset, length)."""
        section = self.sections["regexes"]
        (count,) = struct.unpack_from("<I", self.bytes, section.offset)
        rows = (REGEX.unpack_from(self.bytes, section.offset + 8 + n * REGEX.size) for n in range(count))
        return [(section.offset + offset, length) for _, offset, length, _ in rows]

    def write(self, file):
        """Writes the bytes to a new file, whose path is returned."""
        file.write_bytes(self.bytes)
        return file
