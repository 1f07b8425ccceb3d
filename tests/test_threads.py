"""The loops over all cores, which the processes of `make test` run on one: the same numbers on any number of threads."""

import os
import subprocess
import sys

import pytest

from .tables import cases

SETTING = """
import hashlib, sys
import numpy as np
from jkoflow import Gaussian
from jkoflow.kernels.sums import pair_gradients, pair_values
from jkoflow.pull_back import PullBack
rng = np.random.default_rng(0)
"""
LOOPS = {
    "pairs": """
at, sources, masses = rng.normal(size=(600, 2)), rng.normal(size=(700, 2)), rng.uniform(size=700)
found = pair_gradients(Gaussian(), at, sources, masses), pair_values(Gaussian(), at, sources, masses)
""",
    "plane": """
pulled = PullBack(rng.uniform(size=(40, 30)), (0.1, 0.1), 0.01).pull(rng.normal(size=(40, 30)))
found = pulled.values, *pulled.conductances, pulled.derivative(rng.normal(size=(40, 30)))
""",
    "space": """
pulled = PullBack(rng.uniform(size=(9, 8, 7)), (0.1, 0.1, 0.1), 0.01).pull(rng.normal(size=(9, 8, 7)))
found = pulled.values, *pulled.conductances, pulled.derivative(rng.normal(size=(9, 8, 7)))
""",
}


@pytest.mark.parametrize("name", cases(LOOPS, {"pairs", "plane", "space"}))
def test_the_number_of_threads_changes_nothing(name):
    code = SETTING + LOOPS[name] + "print(hashlib.sha256(b''.join(np.ascontiguousarray(a) for a in found)).hexdigest())"
    digests = {
        subprocess.run(
            [sys.executable, "-c", code],
            env=os.environ | {"NUMBA_NUM_THREADS": threads},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for threads in ("1", "2")
    }
    assert len(digests) == 1
