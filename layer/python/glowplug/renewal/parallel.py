"""Threads of libraries that calculate in parallel: OpenBLAS (numpy's, scipy's, the system's) and GNU's OpenMP.

They are kept to one thread while the image is taken, and get after the first work in a restored process as many as
they would have had: what the environment says, or one for each processor that this process may use. Not before:
OpenBLAS's threads spin for a tenth of a second when they begin, beside what the start is waited for.
"""

import os

from .mapped import libraries

ENTROPY = 0
LATE = True

# Libraries, their functions (OpenBLAS's names have a prefix in scipy's builds, and a suffix with 64-bit integers),
# and the environment variables that they go by, the first that is set.
KINDS = (
    (
        ("libopenblas", "libopenblas64_", "libscipy_openblas", "libscipy_openblas64_"),
        tuple(f"{prefix}openblas_set_num_threads{suffix}" for prefix in ("", "scipy_") for suffix in ("", "64_")),
        (b"OPENBLAS_NUM_THREADS", b"GOTO_NUM_THREADS", b"OMP_NUM_THREADS"),
    ),
    (("libgomp",), ("omp_set_num_threads",), (b"OMP_NUM_THREADS",)),
)


def prepare():
    setters = []
    for names, functions, variables in KINDS:
        for path in {path for name in names for path in libraries(name)}:
            import ctypes

            library = ctypes.CDLL(path)
            for function in functions:
                setter = getattr(library, function, None)
                if setter is not None:
                    setter.argtypes, setter.restype = (ctypes.c_int,), None
                    setters.append((setter, variables))
    if not setters:
        return None
    affinity = os.sched_getaffinity

    def renew(environment, _entropy):
        processors = len(affinity(0))
        for setter, variables in setters:
            said = next((environment[name] for name in variables if environment.get(name)), b"")
            # OMP_NUM_THREADS may be a list, one number for each level.
            number = said.split(b",")[0]
            threads = int(number) if number.isdigit() else processors
            if threads > 1:
                setter(threads)

    return renew
