"""Which pages of mapped files this process has touched, by `/proc/self/pagemap`.

A page counts that is present in the process. Of what the auditor has cut into pages (`snapshotter/auditor`) those are
the pages that were touched; of other files also those in the 64 KiB around a touched page, which the kernel maps along
with it (mm/memory.c, do_fault_around). That needs no privilege, and does not depend on what was in the page cache
before (Documentation/admin-guide/mm/pagemap.rst: bit 63 present, bit 62 swapped).
"""

# ruff: noqa: PTH123 (pathlib must not be imported before the target imports it)

import posix
import sys

ENTRY = 8  # bytes of a pagemap entry
# The last byte of an entry holds the bits 56 to 63.
LAST, IN_USE = 7, 0b1100_0000


def mappings():
    """The file mappings as (first address, end address, offset in the file, path), in address order."""
    with open("/proc/self/maps", encoding="utf-8", errors="surrogateescape") as file:
        for line in file:
            fields = line.rstrip("\n").split(None, 5)
            if len(fields) == 6 and fields[5].startswith("/") and not fields[5].endswith(" (deleted)"):
                start, _, end = fields[0].partition("-")
                yield int(start, 16), int(end, 16), int(fields[2], 16), fields[5]


def paths():
    """The mapped files, in address order. Asked often, and there may be a mapping for each page of a file."""
    with open("/proc/self/maps", "rb", buffering=0) as file:
        lines = file.read().split(b"\n")
    # Nothing before the path has a slash.
    found = dict.fromkeys(line.partition(b"/")[2] for line in lines)
    decode = sys.getfilesystemencodeerrors()
    return ["/" + path.decode("utf-8", decode) for path in found if path and not path.endswith(b" (deleted)")]


def touched():
    """Per mapped file its size and the ranges touched, as [offset, length] in bytes, ascending."""
    page = posix.sysconf("SC_PAGESIZE")
    pages = {}
    found = list(mappings())
    with open("/proc/self/pagemap", "rb", buffering=0) as file:
        for start, end, offset, path in found:
            if path.startswith("/dev/"):
                continue
            file.seek(start // page * ENTRY)
            count = (end - start) // page
            bits = file.read(count * ENTRY)[LAST::ENTRY]
            known = pages.setdefault(path, set())
            first = offset // page
            known.update(first + number for number, bit in enumerate(bits) if bit & IN_USE)
    result = []
    for path, known in pages.items():
        try:
            size = posix.stat(path).st_size
        except OSError as error:
            print(f"glowplug: {path}: {error}", file=sys.stderr)
            continue
        result.append({"path": path, "size": size, "ranges": ranges(sorted(known), page, size)})
    return result


def ranges(numbers, page, size):
    """Page numbers as ranges of bytes within a file of `size` bytes."""
    found = []
    for number in numbers:
        start, end = number * page, min((number + 1) * page, size)
        if start >= size:
            break
        if found and found[-1][0] + found[-1][1] == start:
            found[-1][1] += end - start
        else:
            found.append([start, end - start])
    return found
