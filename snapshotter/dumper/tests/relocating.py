"""Brings the objects of an archive to life, slowly, with `ctypes`: a second implementation of what the loader does.

It reads the format as `archive/src` defines it and checks on the way that every pointer leads to where an object
can be.
"""

import ctypes
import mmap
import struct
import types
from pathlib import Path

import lz4.block

MODULES, NAMES, RANGES, HEAP, COMPILED = 3, 1, 4, 6, 7
SECTION_TABLE = 176  # Offset of the section table in the header.
STRING, CELL = 1, 2
PERSISTENT, TRANSIENT = 0, 2
PAGE = 4096
POOL_CHUNK = 16 * 1024
TYPES = {1: str, 2: bytes, 3: tuple, 4: int, 5: float, 6: complex, 7: types.CodeType, 8: slice}
SINGLETONS = {16: None, 17: True, 18: False, 19: Ellipsis, 20: (), 21: "", 22: b""}
BYTES = bytes(range(256))
SMALL_INT, SMALL_INT_MIN, BYTE, CHARACTER = 0x300, -5, 0x200, 0x100

intern_in_place = ctypes.pythonapi.PyUnicode_InternInPlace
intern_in_place.argtypes = [ctypes.POINTER(ctypes.c_void_p)]
intern_in_place.restype = None


def extern(number, filename):
    """The object with that number among the archive's externs."""
    if number == 0:
        return filename
    if number in TYPES:
        return TYPES[number]
    if number in SINGLETONS:
        return SINGLETONS[number]
    if number >= SMALL_INT:
        return number - SMALL_INT + SMALL_INT_MIN
    # A slice of one byte and chr() are the interpreter's own objects.
    return BYTES[number - BYTE :][:1] if number >= BYTE else chr(number - CHARACTER)


def at(address):
    """The object at an address."""
    return ctypes.cast(address, ctypes.py_object).value


class Archive:
    """An archive whose heap is mapped somewhere in this process, for as long as the process lives."""

    def __init__(self, path):
        data = Path(path).read_bytes()
        assert data[:8] == b"GLOWPLUG"
        (count,) = struct.unpack_from("<I", data, 12)
        (self.preferred,) = struct.unpack_from("<Q", data, 48)
        sections = {}
        for n in range(count):
            kind, _, offset, length = struct.unpack_from("<IIQQ", data, SECTION_TABLE + 40 * n)
            sections[kind] = data[offset : offset + length]
        self.stored = sections[HEAP]
        self.ranges = list(struct.iter_unpack("<QIIQIIQ", sections[RANGES]))
        self.modules = {}
        for row in struct.iter_unpack("<QIIIIHHIII", b"".join(sections[MODULES][n : n + 40] for n in
                                      range(0, len(sections[MODULES]), 80))):  # fmt: skip
            _, name, length, _, _, _, flags, number, code, _ = row
            self.modules[sections[NAMES][name : name + length].decode()] = (flags, number, code)
        self.compiled = [row[2:] for row in struct.iter_unpack("<QQII", sections[COMPILED])]
        self.size = sum(length for _, length, *_ in self.ranges)
        self.map = mmap.mmap(-1, max(self.size, PAGE))
        for offset, length, _, stored, objects, *_ in self.ranges:
            self.map[offset : offset + length] = self.unpacked(stored, objects, length)
        self.words = (ctypes.c_uint64 * (len(self.map) // 8)).from_buffer(self.map)
        self.base = ctypes.addressof(self.words)
        self.kept = []
        # Nobody frees the objects, so neither must the map be unmapped, not even at the interpreter's end.
        for held in (self.map, self.words, self.kept):
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(held))

    def unpacked(self, start, stored, length):
        """The content of an LZ4 block of the heap section; there is none for nothing."""
        return lz4.block.decompress(self.stored[start : start + stored], length) if length else b""

    def module(self, name, filename):
        """The code object of a module."""
        _, number, code = self.modules[name]
        return self.code(number, code, filename)

    def code(self, number, code, filename):
        """The code object at an offset of a transient range, which is relocated first, after the persistent one: do
        that once per range."""
        distance = sum(kind == TRANSIENT for _, _, kind, *_ in self.ranges)
        persistent = self.ranges[number - distance]
        assert persistent[2] == PERSISTENT
        assert self.ranges[number][2] == TRANSIENT
        self.relocate(persistent, [persistent], filename)
        self.relocate(self.ranges[number], [persistent, self.ranges[number]], filename)
        found = at(self.base + self.ranges[number][0] + code)
        assert type(found) is types.CodeType
        return found

    def relocate(self, record, reachable, filename):
        """Replaces the words of a range, which may refer to the ranges `reachable`."""
        offset, length, _, stored, objects, packed_bitmaps, _ = record
        inside = lambda place: any(start <= place < start + size for start, size, *_ in reachable)  # noqa: E731
        words = -(-length // 512)
        bitmaps = self.unpacked(stored + objects, packed_bitmaps, 16 * words)
        symbols, internals = (int.from_bytes(half, "little") for half in (bitmaps[: 8 * words], bitmaps[8 * words :]))
        watched = symbols & internals
        for word in set_bits(watched):
            assert record[2] == TRANSIENT
            assert self.words[offset // 8 + word] in (0, 1)
            self.words[offset // 8 + word] = 0
        for word in set_bits(internals & ~watched):
            place = self.words[offset // 8 + word] - self.preferred
            assert inside(place), "an internal pointer out of its range"
            assert place % 8 == 0
            self.words[offset // 8 + word] = self.base + place
        cells = {}
        for word in set_bits(symbols & ~watched):
            value = self.words[offset // 8 + word]
            kind, target = value >> 60, value & (1 << 60) - 1
            if value < 0x1000:
                self.point(offset // 8 + word, extern(value, filename))
            elif kind == STRING:
                self.words[offset // 8 + word] = self.string(target)
            else:
                assert kind == CELL
                assert inside(target)
                cells[offset // 8 + word] = target
        for word in cells:
            self.fill(word, cells)

    def fill(self, word, cells):
        """Makes a word refer to the frozenset of its cell, after the sets among the elements."""
        cell = cells[word] // 8
        if not self.words[cell + 1]:
            items = (self.words[cell] + tuple.__basicsize__ - self.base) // 8
            for item in range(items, items + len(at(self.words[cell]))):
                if item in cells:
                    self.fill(item, cells)
            self.point(cell + 1, frozenset(at(self.words[cell])))
        self.words[word] = self.words[cell + 1]

    def point(self, word, target):
        """Makes a word refer to an object, which is kept."""
        self.kept.append(target)
        self.words[word] = id(target)

    def string(self, place):
        """The address of the process's own string with the value of the interned one at `place`."""
        assert self.words[place // 8 + 1] in (0, id(str))
        self.words[place // 8 + 1] = id(str)
        address = ctypes.c_void_p(self.base + place)
        intern_in_place(ctypes.byref(address))
        return address.value


def set_bits(number):
    """Positions of the ones in a number, ascending."""
    digits = bin(number)[:1:-1]
    where = digits.find("1")
    while where >= 0:
        yield where
        where = digits.find("1", where + 1)
