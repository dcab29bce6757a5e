"""OpenBLAS is told a core of the baseline only if it calculates rightly with it on this machine."""

import json
import os
import shutil
import subprocess

import pytest
from image_section import ImageFile

pytestmark = pytest.mark.skipif(os.uname().machine != "x86_64", reason="cores of x86-64")

# As much of OpenBLAS as is looked at. With the cores named in FAILS it crashes, with those in WRONG it calculates
# wrongly; where ALWAYS says "only" it knows no other core than its own.
SOURCE = r"""
#include <complex.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

const char *openblas_get_corename(void) {
    const char *told = getenv("OPENBLAS_CORETYPE");
    return told && !strstr(ALWAYS, "only") ? told : "SkylakeX";
}

static int wrong(void) {
    if (strstr(FAILS, openblas_get_corename())) abort();
    return strstr(WRONG, openblas_get_corename()) != 0;
}

#define CALCULATIONS(number, gemm, trmm, trsm)                                                                     \
    void gemm(const char *x, const char *y, int64_t *m, int64_t *n, int64_t *k, number *alpha, number *a,          \
              int64_t *lda, number *b, int64_t *ldb, number *beta, number *c, int64_t *ldc) {                      \
        for (int64_t j = 0; j < *n; j++)                                                                           \
            for (int64_t i = 0; i < *m; i++) {                                                                     \
                number sum = wrong();                                                                              \
                for (int64_t l = 0; l < *k; l++) sum += a[i + l * *lda] * b[l + j * *ldb];                         \
                c[i + j * *ldc] = sum;                                                                             \
            }                                                                                                      \
    }                                                                                                              \
    void trmm(const char *s, const char *u, const char *t, const char *d, int64_t *m, int64_t *n, number *alpha,   \
              number *a, int64_t *lda, number *b, int64_t *ldb) {                                                  \
        for (int64_t j = 0; j < *n; j++)                                                                           \
            for (int64_t i = *m - 1; i > 0; i--) b[i + j * *ldb] += b[i - 1 + j * *ldb];                           \
    }                                                                                                              \
    void trsm(const char *s, const char *u, const char *t, const char *d, int64_t *m, int64_t *n, number *alpha,   \
              number *a, int64_t *lda, number *b, int64_t *ldb) {                                                  \
        for (int64_t j = 0; j < *n; j++)                                                                           \
            for (int64_t i = 1; i < *m; i++) b[i + j * *ldb] -= b[i - 1 + j * *ldb];                               \
    }

CALCULATIONS(float, sgemm_, strmm_, strsm_)
CALCULATIONS(double, dgemm_, dtrmm_, dtrsm_)
CALCULATIONS(float complex, cgemm_, ctrmm_, ctrsm_)
CALCULATIONS(double complex, zgemm_, ztrmm_, ztrsm_)
"""


@pytest.fixture(scope="module")
def take(workshop):
    """Takes the image of a program that calculates by a copy of OpenBLAS with these faults."""
    if shutil.which("cc") is None:
        pytest.fail("needs a C compiler, which `make setup` installs")
    source = workshop.folder / "openblas.c"
    source.write_text(SOURCE)

    def image(name, *options, fails="", wrong="", always="", variables=None):
        library = workshop.folder / f"lib{name}-openblas.so"
        faults = [f'-D{key}="{text}"' for key, text in (("FAILS", fails), ("WRONG", wrong), ("ALWAYS", always))]
        subprocess.run(["cc", "-O1", "-shared", "-fPIC", *faults, "-o", library, source], check=True)
        return workshop.take(name, "calculates.py", library, options=options, variables=variables)

    return image


@pytest.fixture(scope="module")
def words(workshop):
    """The processor features that the images need, by baseline."""
    native = workshop.take("calculates-native", "small.py", options=("--cpu-baseline", "native"))
    return {"v3": ImageFile(workshop["small"].archive).get("cpu"), "native": ImageFile(native.archive).get("cpu")}


def said(image):
    found = json.loads(image.restored().out)
    assert found["rung"] == "image"
    return found["core"]


def test_numpy_multiplies_matrices_rightly_before_and_after_the_image_is_taken(workshop):
    image = workshop["linear_algebra"]
    plain = json.loads(image.start(variables={"GLOWPLUG_MODE": "off"}).silently().out)
    assert json.loads(image.restored().out) == {"rung": "image", "products": plain["products"]}


def test_a_copy_that_works_has_the_code_for_the_baseline(take, words):
    image = take("works")
    assert said(image) == "Haswell"
    assert "openblas: " not in image.summary
    assert ImageFile(image.archive).get("cpu") == words["v3"]


@pytest.mark.parametrize("fault", ["fails", "wrong"])
def test_a_copy_that_does_not_work_gets_another_core_of_the_baseline(fault, take, words):
    image = take(f"{fault}-one", **{fault: "Haswell"})
    assert said(image) == "Sandybridge"
    assert "openblas: OpenBLAS fails on this processor with the code for Haswell" in image.summary
    image = take(f"{fault}-two", **{fault: "Haswell Sandybridge"})
    assert said(image) == "Nehalem"
    assert ImageFile(image.archive).get("cpu") == words["v3"]


@pytest.mark.parametrize("faults", [{"fails": "Haswell Sandybridge Nehalem"}, {"always": "only"}], ids=" ".join)
def test_a_copy_that_works_with_none_chooses_by_itself_and_the_image_needs_this_processor(faults, take, words):
    image = take("none-" + "-".join(faults), **faults)
    assert said(image) == "SkylakeX"
    assert "openblas: OpenBLAS cannot be kept within the processors that were asked for" in image.summary
    assert ImageFile(image.archive).get("cpu") == words["native"]


def test_the_baseline_without_avx_has_one_core(take):
    image = take("old", "--cpu-baseline", "x86-64-v2")
    assert said(image) == "Nehalem"


def test_what_the_user_says_is_not_tried(take):
    core = {"OPENBLAS_CORETYPE": "Haswell"}
    image = take("chosen", "--env", "OPENBLAS_CORETYPE=Haswell", fails="Haswell", variables=core)
    assert said(image) == "Haswell"
    assert "openblas: " not in image.summary
