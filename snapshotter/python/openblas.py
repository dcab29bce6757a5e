"""Whether copies of OpenBLAS calculate rightly with the core they are told by OPENBLAS_CORETYPE.

Run as `python openblas.py LIBRARY...`. Prints the name of the core that each uses; libraries that are not OpenBLAS are
passed over. Exit status: 0, or 4 where a result is wrong. A crash is an answer too, which is why this is a process of
its own: OpenBLAS 0.3.34 sizes its blocks by the processor that it finds, not by the core that it is told, and its
kernels for AVX2 then write beyond their buffers on the stack (OpenBLAS issues 6013, 6021 and 6026).
"""

import ctypes
import sys

WRONG = 4
# Longer than the largest block of any core twice over, and not a multiple of what a kernel takes at once.
DEPTH, WIDTH = 1101, 57
# By letter: how many numbers of which type an element has.
ELEMENTS = {
    "s": (ctypes.c_float, 1),
    "d": (ctypes.c_double, 1),
    "c": (ctypes.c_float, 2),
    "z": (ctypes.c_double, 2),
}
# How builds name a function of Fortran's: SciPy's wheels, with 64-bit integers and without; others'.
NAMES = ("scipy_{}_64_", "scipy_{}_", "{}_64_", "{}64_", "{}_")
CORES = (
    "scipy_openblas_get_corename64_",
    "scipy_openblas_get_corename",
    "openblas_get_corename64_",
    "openblas_get_corename",
)


def function(library, names):
    return next((getattr(library, name) for name in names if hasattr(library, name)), None)


def whole(number):
    # Where integers have 32 bits, these are the lower half of it.
    return ctypes.byref(ctypes.c_int64(number))


class Matrix:
    """Column by column; `value` gives the element at a row and a column, a small whole number."""

    def __init__(self, letter, rows, columns, value):
        number, self.parts = ELEMENTS[letter]
        self.rows = rows
        self.numbers = (number * (rows * columns * self.parts))()
        self.numbers[:: self.parts] = [value(row, column) for column in range(columns) for row in range(rows)]

    def real(self):
        return list(self.numbers[:: self.parts])

    def is_real(self):
        return self.parts == 1 or not any(self.numbers[1 :: self.parts])


def multiplies(library, letter):
    """xGEMM, whose result is known in whole numbers."""
    first = Matrix(letter, WIDTH, DEPTH, lambda row, column: (row + column) % 3)
    second = Matrix(letter, DEPTH, WIDTH, lambda row, column: (row + 2 * column) % 5)
    result = Matrix(letter, WIDTH, WIDTH, lambda row, column: 7)
    one, zero = Matrix(letter, 1, 1, lambda *_: 1), Matrix(letter, 1, 1, lambda *_: 0)
    function(library, [name.format(letter + "gemm") for name in NAMES])(
        b"N",
        b"N",
        whole(WIDTH),
        whole(WIDTH),
        whole(DEPTH),
        one.numbers,
        first.numbers,
        whole(WIDTH),
        second.numbers,
        whole(DEPTH),
        zero.numbers,
        result.numbers,
        whole(WIDTH),
        1,
        1,
    )
    # Both patterns repeat, so there are 15 different elements.
    known = {
        (row, column): sum((row + k) % 3 * ((k + 2 * column) % 5) for k in range(DEPTH))
        for row in range(3)
        for column in range(5)
    }
    wanted = [known[row % 3, column % 5] for column in range(WIDTH) for row in range(WIDTH)]
    return result.real() == wanted and result.is_real()


def undoes(library, letter):
    """xTRMM with a triangle and xTRSM with the same one: what it was before."""
    number, parts = ELEMENTS[letter]
    triangle = (number * (DEPTH * DEPTH * parts))()
    for below in (0, 1):
        triangle[below * parts :: (DEPTH + 1) * parts] = [1] * (DEPTH - below)
    block = Matrix(letter, DEPTH, WIDTH, lambda row, column: (row * 3 + column) % 4)
    before, one = block.real(), Matrix(letter, 1, 1, lambda *_: 1)
    wanted = [value + (before[at - 1] if at % DEPTH else 0) for at, value in enumerate(before)]
    found = []
    for name in ("trmm", "trsm"):
        function(library, [form.format(letter + name) for form in NAMES])(
            b"L",
            b"L",
            b"N",
            b"N",
            whole(DEPTH),
            whole(WIDTH),
            one.numbers,
            triangle,
            whole(DEPTH),
            block.numbers,
            whole(DEPTH),
            1,
            1,
            1,
            1,
        )
        found.append(block.real())
    return found == [wanted, before] and block.is_real()


def main():
    for path in sys.argv[1:]:
        library = ctypes.CDLL(path)
        core = function(library, CORES)
        if core is None:
            continue
        core.restype = ctypes.c_char_p
        print(core().decode(), flush=True)
        if not all(calculation(library, letter) for calculation in (multiplies, undoes) for letter in ELEMENTS):
            sys.exit(WRONG)


if __name__ == "__main__":
    main()
