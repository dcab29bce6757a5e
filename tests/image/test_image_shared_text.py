"""`--shared-text`: what installed files have unchanged is mapped from them."""

import json
import re
import shutil
import subprocess

import pytest
from image_section import ImageFile

SOURCE = "int answer(void) { return ANSWER; }\n"


@pytest.fixture(scope="module")
def build(workshop):
    """Compiles a library that answers with a number; its build-id is what the linker makes of its content."""
    if shutil.which("cc") is None:
        pytest.fail("needs a C compiler, which `make setup` installs")
    source = workshop.folder / "answer.c"
    source.write_text(SOURCE)

    def library(name, number):
        path = workshop.folder / name
        options = ("-shared", "-fPIC", "-g", "-Wl,--build-id", f"-DANSWER={number}")
        subprocess.run(["cc", *options, "-o", path, source], check=True)
        return path

    return library


@pytest.fixture
def greets(workshop, build):
    """An image that maps a library's text from its file, and the library, which a test may change."""
    library = build("libanswer.so", 42)
    if "greets" not in workshop.images:
        workshop.images["greets"] = workshop.take("greets", "greets.py", library, options=("--shared-text",))
    image = workshop.images["greets"]
    assert str(library) in ImageFile(image.archive).build_ids
    assert answer(image.restored()) == ("image", 42)
    return image, library


def answer(done):
    said = json.loads(done.succeeded().out)
    return said["rung"], said["answer"]


def test_the_image_is_smaller_and_works(workshop, small):
    shared = workshop.take("shared", "small.py", options=("--shared-text",))
    said = json.loads(shared.restored().out)
    assert said["rung"] == "image"
    assert re.search(r"and [\d.]+ MB mapped from installed files", shared.summary)
    assert shared.archive.stat().st_size < 0.8 * small.archive.stat().st_size


def test_an_image_without_it_is_whole(small):
    assert "mapped from installed files" not in small.summary


def test_another_build_of_a_mapped_library(greets, build, falls_back):
    image, library = greets
    size = library.stat().st_size
    build("libanswer.so", 43)
    assert library.stat().st_size == size
    assert falls_back(f"this file has changed: {library};", image=image)["answer"] == 43
    build("libanswer.so", 42)
    assert answer(image.restored()) == ("image", 42)


def test_a_mapped_library_that_was_stripped_since(greets, falls_back):
    # As packagers do; the build-id stays.
    image, library = greets
    subprocess.run(["strip", library], check=True)
    assert falls_back(f"this file has changed: {library};", image=image)["answer"] == 42


def test_a_mapped_library_that_is_gone(greets):
    image, library = greets
    elsewhere = library.with_name("elsewhere.so")
    shutil.copy2(library, elsewhere)
    library.unlink()
    done = image.start()
    # The code archive's start needs it too.
    assert f"this file cannot be read: {library}; starting from the code archive" in done.lines[0]
    assert "cannot open shared object file" in done.err
    shutil.move(elsewhere, library)
    assert answer(image.restored()) == ("image", 42)


def test_an_image_without_it_does_not_need_the_files(workshop, build):
    library = build("libwhole.so", 42)
    image = workshop.take("whole", "greets.py", library)
    build("libwhole.so", 43)
    assert answer(image.restored()) == ("image", 42)
