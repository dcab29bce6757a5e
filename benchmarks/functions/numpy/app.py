"""numpy: a small system of equations solved."""

import numpy as np


def handler(event, context):
    solution = np.linalg.solve(np.array(event["matrix"], dtype=float), np.array(event["right"], dtype=float))
    return {"solution": [round(float(value), 9) for value in solution]}
