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


FLOW = """
import numpy as np, jkoflow as jf
grid = jf.Grid.box((-1, 1), (-1, 1), cells=24)
def flow(shift):
    start = grid.density(lambda x, y: 0.1 + np.exp(-8 * ((x - shift) ** 2 + y**2)))
    return float(jf.evolve(jf.RenyiEntropy(2), start, dt=0.01, t_end=0.02, progress=False).final.values.max())
"""
POOLS = """
if __name__ == "__main__":
    from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
    from multiprocessing import get_context
    expected = flow(0.1)
    for method in ("fork", "spawn"):
        with ProcessPoolExecutor(2, mp_context=get_context(method)) as pool:
            assert list(pool.map(flow, (0.1, 0.1))) == [expected, expected], method
    with ThreadPoolExecutor(3) as pool:
        assert list(pool.map(flow, [0.1] * 6)) == [expected] * 6
    print("well")
"""
NO_CACHE = """
import warnings
import numba.core.caching
numba.core.caching.CacheImpl._locator_classes = []  # neither the installation nor the home folder can be written
with warnings.catch_warnings(record=True) as said:
    warnings.simplefilter("always")
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork")
def test_flows_run_in_forked_and_spawned_pools_and_in_threads_after_one_in_the_parent(tmp_path):
    (tmp_path / "pools.py").write_text(FLOW + POOLS)
    environment = os.environ | {"NUMBA_NUM_THREADS": "2"}
    done = subprocess.run([sys.executable, tmp_path / "pools.py"], env=environment, capture_output=True, text=True, check=False)
    assert done.stdout == "well\n", done.stderr


def test_an_error_in_a_part_is_raised_and_the_team_goes_on(monkeypatch):
    from jkoflow import _threads

    monkeypatch.setattr(_threads, "_team", _threads._Team(3))
    found = [0] * 100

    def mark(first, last, fails):
        for k in range(first, last):
            if fails and k == 50:
                raise ZeroDivisionError("part")
            found[k] = k

    with pytest.raises(ZeroDivisionError, match="part"):
        _threads.in_parts(mark, 100, (True,))
    _threads.in_parts(mark, 100, (False,))
    assert found == list(range(100))


@pytest.mark.slow
def test_an_installation_that_cannot_be_written_runs_with_one_warning():
    code = (
        NO_CACHE + "".join(f"    {line}\n" for line in (FLOW + "flow(0.1)").splitlines()) + "print(len(said), said[0].message)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("1 compiled loops cannot be kept")
