"""Memory that an allocator gives back is zero when it is used again, as allocators count on it to be."""

import shutil
import subprocess

import pytest

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


def test_where_jemalloc_is_linked_in_memory_given_back_is_zero(workshop, library):
    image = workshop.take("jemalloc_like", "jemalloc_like.py", library)
    assert image.restored().out == "image b''\n"
