"""Images and other processors, as QEMU's user emulation shows them."""

import json
import os
import shutil

import pytest

QEMU = shutil.which("qemu-x86_64-static") or shutil.which("qemu-x86_64")

pytestmark = [
    pytest.mark.skipif(os.uname().machine != "x86_64", reason="processors of x86-64"),
    pytest.mark.skipif(QEMU is None, reason="needs QEMU's user emulation (Debian: qemu-user-static)"),
]

LACKS = "this processor lacks features of the one it was built for"


@pytest.fixture(scope="module")
def old(workshop):
    """An image for processors without AVX."""
    return workshop.take("small-v2", "small.py", options=("--cpu-baseline", "x86-64-v2"))


@pytest.fixture(scope="module")
def native(workshop):
    """An image for processors with all that this one has."""
    return workshop.take("small-native", "small.py", options=("--cpu-baseline", "native"))


def on(model):
    return {"prefix": (QEMU, "-cpu", model)}


def rung(done):
    # The emulator warns of what it does not emulate of a model.
    return json.loads(done.succeeded().out)["rung"]


def test_an_image_runs_without_avx_512(small, old):
    for image in (small, old):
        assert rung(image.start(**on("Haswell"))) == "image"


def test_an_old_image_runs_without_avx2(old):
    for model in ("Westmere", "SandyBridge", "IvyBridge"):
        assert rung(old.start(**on(model))) == "image"


def test_an_old_image_is_refused_without_aes(old):
    done = old.start(**on("Nehalem"))
    assert rung(done) == "code"
    assert f"{LACKS};" in done.lines[0]


def test_an_image_with_avx2_is_refused_without(small):
    for model in ("Westmere", "SandyBridge"):
        done = small.start(**on(model))
        assert rung(done) == "code"
        assert f"{LACKS};" in done.lines[0]


def test_an_image_for_all_of_this_processor_is_refused_on_a_lesser_one(native):
    assert rung(native.restored()) == "image"
    for model in ("Haswell", "Westmere"):
        done = native.start(**on(model))
        assert rung(done) == "code"
        assert f"{LACKS};" in done.lines[0]


def test_a_feature_that_this_processor_lacks(small, small_file, damaged, falls_back):
    words = bytearray(small_file.get("cpu"))
    # CPUID 1 EDX, bit 20, is reserved.
    words[4 + 2] |= 1 << 4
    small_file.set("cpu", bytes(words)).seal().write(damaged)
    falls_back(LACKS, archive=damaged)
