"""A damaged image is never used: the archive's header and the image's metadata are verified at every start."""

import random

import images
import pytest
from image_section import ImageFile


@pytest.fixture(scope="module")
def whole(workshop):
    return ImageFile(workshop["small"].archive)


@pytest.fixture
def changed(whole):
    """A copy of it, to be changed."""
    copy = ImageFile.__new__(ImageFile)
    copy.__dict__.update(whole.__dict__, bytes=bytearray(whole.bytes))
    return copy


def places(whole):
    """Bytes of the metadata: each field of the header, and some of the tables."""
    chosen = random.Random(4).sample(range(2568, whole.get("metadata_length")), 12)
    return [0, 8, 16, 24, 32, 40, 88, 300, 312, 344, 352, 384, 408, 2400, *chosen]


def test_flipped_bits_in_the_metadata(whole, damaged, falls_back):
    for place in places(whole):
        copy = ImageFile.__new__(ImageFile)
        copy.__dict__.update(whole.__dict__, bytes=bytearray(whole.bytes))
        copy.flip(whole.start + place, 3).write(damaged)
        said = falls_back("the archive is damaged", archive=damaged)
        assert said["colour"] == "none", place


def test_a_layout_of_another_version_is_not_damage(changed, damaged, falls_back):
    changed.set("magic", b"GLOWIM03").write(damaged)
    falls_back("its layout is that of another version of glowplug (take it again)", archive=damaged)


def test_a_flipped_bit_in_the_memory_is_found_by_verify(whole, changed, damaged, small):
    changed.flip(whole.start + whole.get("data_offset") + 12345).write(damaged)
    done = images.run([images.COMMAND, "verify", damaged], small.folder, small.variables)
    assert done.status != 0
    assert "checksum" in done.out + done.err
    assert images.run([images.COMMAND, "verify", small.archive], small.folder, small.variables).status == 0


def test_a_damaged_header_gives_the_plain_start(changed, damaged, small):
    changed.flip(20).write(damaged)
    done = small.start(archive=damaged).succeeded()
    assert '"rung": "plain"' in done.out
    assert "checksum mismatch in the header" in done.lines[-1]


def test_a_truncated_image(whole, damaged, small):
    length = len(whole.bytes)
    for end in (length - 1, length - 4096, whole.start + whole.get("data_offset"), whole.start + 100, whole.start):
        damaged.write_bytes(whole.bytes[:end])
        done = small.start(archive=damaged).succeeded()
        assert '"rung": "plain"' in done.out
        assert f"{damaged}: truncated" in done.lines[-1]


def test_an_empty_archive_and_one_that_is_not_there(damaged, small):
    for words in ("No such file", "the file has 0"):
        done = small.start(archive=damaged).succeeded()
        assert '"rung": "plain"' in done.out
        assert words in done.lines[-1]
        damaged.touch()


@pytest.mark.parametrize("field", ["resume", "stack_limit"])
def test_values_that_cannot_be(field, changed, damaged, falls_back):
    value, reason = {"resume": (0, "context is damaged"), "stack_limit": (2**63, "RLIMIT_STACK")}[field]
    changed.set(field, value).seal().write(damaged)
    falls_back(reason, archive=damaged, preexec_fn=None if field == "resume" else stack_of_8_mb)


def stack_of_8_mb():
    import resource

    resource.setrlimit(resource.RLIMIT_STACK, (8 << 20, resource.getrlimit(resource.RLIMIT_STACK)[1]))
