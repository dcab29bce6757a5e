"""Takes `libpthread.so.0` and `libdl.so.2` off the list of libraries that a module makes the dynamic linker load.

A module linked for an old glibc names them, since that is where some symbols were. From glibc 2.34 on they are empty
stubs, not loaded otherwise: opening and mapping the two costs 0.15 ms of the loader's 0.35 at every start. An older
glibc has them in every CPython process, which is linked with both. So the symbols are looked up by name alone, in what
the process has. Names and structures are those of the ELF gABI and of the LSB's chapter on symbol versioning.
"""

import struct

from elftools.elf.elffile import ELFFile

REMOVED = ("libpthread.so.0", "libdl.so.2")

VERSION_GLOBAL = 1  # In .gnu.version: the symbol is not bound to a version.
DT_NULL = (0, 0)


class Unexpected(Exception):
    """The file is not laid out as this edit needs it."""


def kept_dynamic_entries(dynamic, kept_needs):
    """The dynamic section's entries as pairs of numbers, without the removed libraries, padded to the old length."""
    raw = list(struct.iter_unpack("<QQ", dynamic.data()))
    named = list(dynamic.iter_tags())
    entries = []
    for (number, value), tag in zip(raw, named, strict=False):
        if tag.entry.d_tag == "DT_NEEDED" and tag.needed in REMOVED:
            continue
        entries.append((number, kept_needs if tag.entry.d_tag == "DT_VERNEEDNUM" else value))
    return entries + [DT_NULL] * (len(named) - len(entries))


def thin(path):
    """Rewrites the file in place; one that names none of the libraries stays as it is."""
    with path.open("rb") as file:
        data = bytearray(file.read())
        elf = ELFFile(file)
        if elf.elfclass != 64 or not elf.little_endian:
            raise Unexpected(f"{path.name} is not a little-endian 64-bit file")
        dynamic = elf.get_section_by_name(".dynamic")
        needs, versions = elf.get_section_by_name(".gnu.version_r"), elf.get_section_by_name(".gnu.version")

        # Elf64_Verneed is {u16 version, u16 count, u32 file, u32 aux, u32 next}: a chain by offsets.
        removed_indexes, kept, at = set(), [], needs["sh_offset"]
        for need, versions_of_file in needs.iter_versions():
            if need.name in REMOVED:
                removed_indexes |= {version["vna_other"] for version in versions_of_file}
            else:
                kept.append(at)
            at += need["vn_next"]
        if not kept or kept[0] != needs["sh_offset"]:
            raise Unexpected(f"{path.name}: the first library with versions would be removed")
        for here, following in zip(kept, [*kept[1:], None], strict=True):
            struct.pack_into("<I", data, here + 12, following - here if following else 0)

        for index in range(versions.num_symbols()):
            at = versions["sh_offset"] + 2 * index
            if struct.unpack_from("<H", data, at)[0] in removed_indexes:
                struct.pack_into("<H", data, at, VERSION_GLOBAL)

        for index, entry in enumerate(kept_dynamic_entries(dynamic, len(kept))):
            struct.pack_into("<QQ", data, dynamic["sh_offset"] + 16 * index, *entry)

        # The section header's sh_info repeats the count, for readelf and auditwheel.
        header = elf["e_shoff"] + elf.get_section_index(".gnu.version_r") * elf["e_shentsize"]
        struct.pack_into("<I", data, header + 44, len(kept))
    path.write_bytes(data)
