"""Sweeps on executors, resumed; observed orders and rates."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from functools import lru_cache, partial
from multiprocessing import get_context
from pathlib import Path

import numba
import numpy as np
import pytest
from distributed import Client, LocalCluster

import jkoflow as jf
from jkoflow.storage.fingerprints import fingerprint
from jkoflow.study import observed_order, rate, sweep

START = jf.MovingParticles([1.0], [0.5])


def inertia(epsilon, dt=0.01):
    """The distance of an inertial particle in a well from that of first order."""
    if epsilon > 5:
        raise ValueError("too heavy")
    well = jf.Potential(lambda x: x**2 / 2, gradient=lambda x: x)
    final = jf.evolve(well, START, scheme=jf.Inertial(epsilon), dt=dt, t_end=2.0, progress=False).final
    return {"error": "shadowed"} if dt < 0 else {"gap": abs(final.points[0] - np.exp(-2.0)), "note": "solved"}


def test_a_sweep_is_a_table_and_a_failed_member_a_row():
    table = sweep(inertia, over={"epsilon": [1e-3, 1e-2, 9.0], "dt": [0.01, 0.02]})
    assert len(table) == 6
    assert [row["error"] for row in table.failed] == ["ValueError: too heavy"] * 2
    assert table.column("gap")[:4].astype(float).max() < 0.1
    assert repr(table) == "Sweep of 6 runs over epsilon, dt, 2 failed"
    data = table.to_xarray()
    assert data["gap"].dims == ("epsilon", "dt")
    assert np.isnan(data["gap"].sel(epsilon=9.0)).all()
    assert table.to_pandas()["note"].tolist()[:4] == ["solved"] * 4
    with pytest.raises(KeyError, match="no column 'speed'"):
        table.column("speed")


@pytest.mark.parametrize("kind", ["threads", "fork", "spawn"])
def test_any_executor_gives_the_same_table(kind):
    over = {"epsilon": [1e-3, 1e-2, 9.0]}
    expected = sweep(inertia, over=over)
    make = {
        "threads": lambda: ThreadPoolExecutor(2),
        "fork": lambda: ProcessPoolExecutor(2, mp_context=get_context("fork")),
        "spawn": lambda: ProcessPoolExecutor(2, mp_context=get_context("spawn")),
    }[kind]
    with make() as executor:
        assert sweep(inertia, over=over, executor=executor).rows == expected.rows


@pytest.mark.slow
def test_dask_gives_the_same_table():
    over = {"epsilon": [1e-3, 1e-2, 9.0]}
    expected = sweep(inertia, over=over)
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        table = sweep(inertia, over=over, executor=client.get_executor())
    assert table.rows == expected.rows


ON_MPI = """
import json
from mpi4py.futures import MPIPoolExecutor
from jkoflow.study import sweep
from tests.test_study import inertia
if __name__ == "__main__":  # the workers read the script too
    with MPIPoolExecutor() as executor:
        print(json.dumps(sweep(inertia, over={"epsilon": [1e-3, 1e-2, 9.0]}, executor=executor).rows))
"""


def mpi_launcher():
    """The command that starts MPI programs: that of this environment, or of the machine. Skips the test if MPI is missing."""
    beside = Path(sys.executable).with_name("mpiexec")
    launcher = str(beside) if beside.exists() else shutil.which("mpiexec")
    if launcher is None:
        pytest.skip("there is no mpiexec: pip install mpi4py mpich")
    loaded = subprocess.run([sys.executable, "-c", "from mpi4py import MPI"], capture_output=True, text=True, check=False)
    if loaded.returncode != 0:
        pytest.skip(f"mpi4py does not load: {loaded.stderr.splitlines()[-1]}")
    return launcher


def test_mpi_gives_the_same_table(tmp_path):
    script = tmp_path / "on_mpi.py"
    script.write_text(ON_MPI)
    line = [mpi_launcher(), "-n", "2", sys.executable, "-m", "mpi4py.futures", str(script)]
    # Open MPI starts as root only if it is told to
    allowed = {"OMPI_ALLOW_RUN_AS_ROOT", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM"}
    environment = os.environ | dict.fromkeys(allowed, "1") | {"PYTHONPATH": str(Path(__file__).parents[1])}
    done = subprocess.run(line, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == list(sweep(inertia, over={"epsilon": [1e-3, 1e-2, 9.0]}))


def test_what_cannot_be_sent_to_a_process_is_a_row_too():
    with ProcessPoolExecutor(1) as executor:
        table = sweep(lambda epsilon: 1.0, over={"epsilon": [1.0]}, executor=executor)
    assert table[0]["error"] is not None


def test_a_sweep_is_resumed(tmp_path):
    calls = []

    def run(x):
        calls.append(x)
        if x == 3 and len(calls) < 5:
            raise KeyboardInterrupt
        if x == 1:
            raise ValueError("odd")
        return x**2

    with pytest.raises(KeyboardInterrupt):
        sweep(run, over={"x": [0, 1, 2, 3, 4]}, folder=tmp_path / "kept")
    assert calls == [0, 1, 2, 3]
    table = sweep(run, over={"x": [0, 1, 2, 3, 4]}, folder=tmp_path / "kept")
    assert calls[4:] == [1, 3, 4]  # the failed one again, and what had no result
    assert [row.get("result") for row in table] == [0, None, 4, 9, 16]
    (next((tmp_path / "kept").glob("*.json"))).write_text("{")  # a damaged result is computed again
    assert [row.get("result") for row in sweep(run, over={"x": [0, 1, 2, 3, 4]}, folder=tmp_path / "kept")] == [
        0,
        None,
        4,
        9,
        16,
    ]


@pytest.mark.slow
def test_orders_and_rates():
    epsilons = [0.1, 0.05, 0.025, 0.0125]
    table = sweep(inertia, over={"epsilon": epsilons, "dt": [0.002]})
    found = rate(epsilons, table.column("gap").astype(float), name="epsilon")
    assert found.exponent == pytest.approx(1.0, abs=0.2)  # the small-inertia limit is of first order
    assert observed_order([0.2, 0.1], [0.08, 0.01]) == pytest.approx([3.0])
    for bad, message in (
        (lambda: rate([1.0], [1.0]), "at least two pairs"),
        (lambda: rate([1.0, 2.0], [0.0, 1.0]), "errors must be a list of positive numbers"),
        (lambda: observed_order([1.0, 2.0], [1.0, 2.0, 3.0]), "errors must have the shape of steps"),
        (lambda: sweep(1.0, over={"x": [1]}), "run must be a function"),
        (lambda: sweep(inertia, over={}), "over must be a mapping"),
        (lambda: sweep(inertia, over={"epsilon": []}), "at least one value for 'epsilon'"),
    ):
        with pytest.raises(ValueError, match=message):
            bad()


def test_results_in_a_folder_are_those_of_the_content_of_parameters(tmp_path):
    """Measures of one repr, and long arrays that differ in the middle, are told apart; a lambda is refused."""
    clouds = [jf.Particles([0.0, 1.0]), jf.Particles([0.0, 2.0])]
    long = [np.zeros(2000), np.zeros(2000)]
    long[1][1000] = 1.0
    for values, run in ((clouds, lambda w: {"m": float(w.covariance)}), (long, lambda w: {"m": float(w.sum())})):
        folder = tmp_path / str(len(values[0].points) if values is clouds else 2000)
        first = sweep(run, over={"w": values}, folder=folder).column("m")
        assert first[0] != first[1]
        assert np.array_equal(sweep(run, over={"w": values}, folder=folder).column("m"), first)
    with pytest.raises(ValueError, match="over must hold values that can be pickled"):
        sweep(lambda f: 1.0, over={"f": [lambda x: x]}, folder=tmp_path / "f")
    table = sweep(lambda a: {"a": 2.0}, over={"a": [1.0]})
    assert "names of parameters" in table.failed[0]["error"]
    assert sweep(lambda pair: float(sum(pair)), over={"pair": [(1, 2), (3, 4)]}).to_xarray()["result"].values.tolist() == [3, 7]


def _halved(a):
    return a / 2


def _doubled(a):
    return 2 * a


def test_a_folder_keeps_the_results_of_one_function(tmp_path):
    """Another function, or the same with other code, would get the results of the first one."""
    sweep(_halved, over={"a": [1.0]}, folder=tmp_path)
    assert list(sweep(_halved, over={"a": [1.0, 3.0]}, folder=tmp_path))[1]["result"] == 1.5
    with pytest.raises(ValueError, match=r"has those of .*_halved: take another"):
        sweep(_doubled, over={"a": [1.0]}, folder=tmp_path)


class _Times:
    def __init__(self, factor):
        self.factor = factor

    def go(self, a):
        return self.factor * a

    __call__ = go


def _made(factor):
    return lambda a: factor * a


FACTOR = 1.0


def _with_a_global(a):
    return FACTOR * a


@numba.njit
def _compiled(a):
    return 1.0 * a


@numba.njit
def _compiled_too(a):
    return 10.0 * a


TWINS = {
    "cached": (lru_cache(_halved), lru_cache(_doubled)),
    "compiled": (_compiled, _compiled_too),
    "sets": (partial(_made, {"a", "b"}), partial(_made, {"a", "c"})),
    "random": (partial(_made, np.random.default_rng(1)), partial(_made, np.random.RandomState(1))),
    "methods": (_Times(1.0).go, _Times(10.0).go),
    "instances": (_Times(1.0), _Times(10.0)),
    "closures": (_made(1.0), _made(10.0)),
    "lambdas": (lambda a: a, lambda a: 10 * a),
    "partials": (partial(np.dot, np.zeros(5000)), partial(np.dot, np.eye(1, 5000, 2000)[0])),
}


@pytest.mark.parametrize("name", TWINS)
def test_functions_that_differ_in_code_or_in_what_they_hold_differ(name):
    first, second = TWINS[name]
    assert fingerprint(first) == fingerprint(first)
    assert fingerprint(first) != fingerprint(second)


def test_a_fingerprint_sees_globals_and_the_order_of_keywords_does_not_matter(monkeypatch):
    before = fingerprint(_with_a_global)
    monkeypatch.setattr(sys.modules[__name__], "FACTOR", 2.0)
    assert fingerprint(_with_a_global) != before
    assert fingerprint(partial(_made, b=1, c=2)) == fingerprint(partial(_made, c=2, b=1))
    assert fingerprint(partial(_made, law=jf.Entropy())) == fingerprint(partial(_made, law=jf.Entropy()))


_A_FINGERPRINT = """
from functools import partial
from jkoflow.storage.fingerprints import fingerprint
names = {"a", "b", "c", "d", "e"}
print(fingerprint(partial(lambda a, of: a in of and a in {"x", "y", "z"} and a in names, of=frozenset(names))))
"""


def test_a_fingerprint_is_the_same_in_every_process():
    """The order of a set of texts depends on the seed of hashes, which every process draws for itself."""
    said = [
        subprocess.run(
            [sys.executable, "-c", _A_FINGERPRINT],
            env=os.environ | {"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in "123"
    ]
    assert len(said[0].strip()) == 64
    assert len(set(said)) == 1


def test_what_a_function_keeps_for_itself_is_no_part_of_it():
    """A generator of random numbers moves on, and a list that it fills grows."""
    rng, kept = np.random.default_rng(1), []

    def run(a):
        kept.append(a)
        return a + rng.random()

    before = fingerprint(run)
    run(1.0)
    assert fingerprint(run) == before


def test_a_damaged_note_is_told(tmp_path):
    for text in ("", "[]", "{}"):
        (tmp_path / "function.note").write_text(text)
        with pytest.raises(ValueError, match="cannot be read: take another"):
            sweep(_halved, over={"a": [1.0]}, folder=tmp_path)
