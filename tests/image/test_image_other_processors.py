"""What OpenBLAS has for other processors than the image's stays out of the image, and nothing misses it."""

import json
import os
import re
import shutil
import signal
import struct
from pathlib import Path

import numpy
import pytest
from image_section import MAPPINGS, ImageFile

pytestmark = pytest.mark.skipif(os.uname().machine != "x86_64", reason="cores of x86-64")

SAID = re.compile(r"without ([\d.]+) MB of code for other processors")
# As numpy calculates itself, without OpenBLAS: it has ways of its own for AVX-512, which only plain Python takes.
CLOSE = {"float32": 1e-3, "complex64": 1e-3, "float64": 1e-9, "complex128": 1e-9}
ANONYMOUS, IMAGE = 0, 1


def left_out(image):
    """How many bytes are, by the mappings: nobody's memory with a library's before and behind it."""
    rows = [row for _, row in ImageFile(image.archive).rows(MAPPINGS)]
    sum_ = 0
    for before, (address, length, _, protection, kind, *_), behind in zip(rows, rows[1:], rows[2:], strict=False):
        between = before[0] + before[1] == address and address + length == behind[0]
        if between and protection == 0 and kind == ANONYMOUS and before[4] == behind[4] == IMAGE:
            sum_ += length
    return sum_


def calculates(image, core=None):
    """Makes sure that a start from the image calculates as plain Python does, for that core."""
    plain = json.loads(image.start(variables={"GLOWPLUG_MODE": "off"}).silently().out)
    restored = json.loads(image.restored().out)
    assert restored["rung"] == "image"
    assert restored["core"] == (core or plain["core"])
    for when in ("results", "in_threads"):
        for kind, numbers in restored[when].items():
            assert numbers == pytest.approx(plain[when][kind], rel=CLOSE[kind])


@pytest.fixture(scope="module")
def algebra(workshop):
    return workshop.take("algebra", "algebra.py")


def test_the_image_is_without_them_and_calculates_as_plain_python_does(algebra):
    (megabytes,) = SAID.findall(algebra.summary)
    assert float(megabytes) > 3
    assert left_out(algebra) == pytest.approx(float(megabytes) * 1e6, rel=0.02)
    calculates(algebra, core="Haswell")


def test_an_image_for_another_core_has_that_ones(workshop):
    told = {"OPENBLAS_CORETYPE": "Nehalem"}
    image = workshop.take("nehalem", "algebra.py", options=("--env", "OPENBLAS_CORETYPE=Nehalem"), variables=told)
    assert SAID.search(image.summary)
    calculates(image, "Nehalem")


def test_an_image_for_this_processor_has_this_ones(workshop):
    image = workshop.take("native", "algebra.py", options=("--cpu-baseline", "native"))
    assert SAID.search(image.summary)
    calculates(image)


def test_a_call_of_what_is_not_there_ends_the_process_at_once(algebra):
    assert algebra.start(variables={"STRAY": "1"}).status == -signal.SIGSEGV


def test_what_is_mapped_from_the_installed_file_is_whole(workshop):
    image = workshop.take("shared-algebra", "algebra.py", options=("--shared-text",))
    (library,) = Path(numpy.__file__).parents[1].glob("numpy.libs/*openblas*")
    # Without a build-id it stays in the archive, and what of it is for other processors does not.
    assert bool(SAID.search(image.summary)) == (str(library) not in ImageFile(image.archive).build_ids)
    calculates(image, core="Haswell")


def test_a_library_without_a_symbol_table_is_there_as_a_whole(workshop):
    # What is beside the program is imported first.
    packages = workshop.programs / "apart"
    installed = Path(numpy.__file__).parents[1]
    for name in ("numpy", "numpy.libs"):
        shutil.copytree(installed / name, packages / name, ignore=shutil.ignore_patterns("tests", "__pycache__"))
    (library,) = packages.glob("numpy.libs/*openblas*")
    library.write_bytes(without_symbols(library.read_bytes()))
    shutil.copy(workshop.programs / "algebra.py", packages)
    image = workshop.take("no-symbols", "apart/algebra.py")
    assert str(library) in image.restored().out
    assert "of code for other processors" not in image.summary
    assert left_out(image) == 0
    calculates(image, core="Haswell")


def without_symbols(elf):
    """An ELF file whose section of all symbols says that it is none (elf(5), `Elf64_Ehdr` and `Elf64_Shdr`)."""
    symbols, nothing = 2, 0
    changed = bytearray(elf)
    (table,) = struct.unpack_from("<Q", elf, 0x28)
    size, count = struct.unpack_from("<HH", elf, 0x3A)
    for place in range(table, table + count * size, size):
        if struct.unpack_from("<I", elf, place + 4) == (symbols,):
            struct.pack_into("<I", changed, place + 4, nothing)
    return changed
