"""numpy, whose OpenBLAS has threads of its own where the user says so (OPENBLAS_NUM_THREADS=2)."""

import numpy as np

MATRIX = np.arange(360_000, dtype=float).reshape(600, 600) % 17


def work():
    return [float((MATRIX @ MATRIX).sum()), round(float(np.linalg.svd(MATRIX[:200, :200], compute_uv=False)[0]), 6)]
