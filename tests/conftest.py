"""What all tests share."""

import os

# One process a core: more threads in each would wait for one another. Numba and BLAS read these when they are imported.
if "PYTEST_XDIST_WORKER" in os.environ:
    for name in ("NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, "1")

import hypothesis
import matplotlib as mpl

mpl.use("agg")

# The same examples in every run, and none that fails because the machine is busy.
hypothesis.settings.register_profile(
    "jkoflow", deadline=None, derandomize=True, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("jkoflow")
