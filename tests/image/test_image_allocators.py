"""Memory that an allocator gives back is zero when it is used again, as allocators count on it to be."""

import shutil
import subprocess

import pytest
from image_section import LOADS, ImageFile

SOURCE = 'const char mark[] = "<jemalloc>: ";\nconst char *get(void) { return mark; }\n'


@pytest.fixture(scope="module")
def library(workshop):
    """A library with jemalloc's mark in it."""
    if shutil.which("cc") is None:
        pytest.fail("needs a C compiler, which `make setup` installs")
    source, library = workshop.folder / "marked.c", workshop.folder / "libmarked.so"
    source.write_text(SOURCE)
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, source], check=True)
    return library


@pytest.fixture(scope="module")
def without(workshop, library):
    """The image of a program that gives memory back; no library of it has jemalloc."""
    return workshop.take("gives_back", "gives_back.py", "libc.so.6")


@pytest.fixture(scope="module", params=[(), ("--shared-text",)], ids=["", "shared-text"])
def with_jemalloc(request, workshop, library):
    name = "gives_back_jemalloc" + "".join(request.param)
    return workshop.take(name, "gives_back.py", library, options=request.param)


def test_memory_given_back_is_zero(without):
    assert without.restored().out == "image b''\n"


def test_where_jemalloc_is_linked_in_memory_given_back_is_zero(with_jemalloc):
    assert with_jemalloc.restored().out == "image b''\n"


def test_with_jemalloc_no_more_is_read_at_a_start_than_without(without, with_jemalloc):
    """Its memory is mapped from the archive like all other, and so is read when it is used."""
    read = [
        sum(length for _, (_, length) in ImageFile(image.archive).rows(LOADS)) for image in (without, with_jemalloc)
    ]
    assert read[1] <= read[0] + 65536
