"""scikit-learn: OpenMP's and OpenBLAS's threads (OMP_NUM_THREADS=2, OPENBLAS_NUM_THREADS=2), and joblib's."""

import numpy as np
from sklearn.cluster import KMeans
from sklearn.ensemble import RandomForestClassifier

POINTS = np.random.RandomState(7).rand(2000, 8)
LABELS = (POINTS.sum(axis=1) > 4).astype(int)


def work():
    clusters = KMeans(4, n_init=2, random_state=7).fit(POINTS)
    forest = RandomForestClassifier(20, n_jobs=2, random_state=7).fit(POINTS, LABELS)
    return [round(float(clusters.inertia_), 6), int(forest.predict(POINTS).sum())]
