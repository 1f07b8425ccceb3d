"""Exercises of the lesson on the JKO scheme."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

from ... import BDF2, JKO, Entropy, Grid, Law, Potential, Quantiles, evolve, wasserstein
from ..exercise import Exercise, defined


def _pair(found: Any, name: str) -> tuple[float, float]:
    assert found is not None, f"{name} returns nothing yet"
    assert np.shape(found) == (2,), f"{name} must return two numbers"
    return float(found[0]), float(found[1])


def _well() -> Law:
    return Entropy() + Potential(lambda x: x**2 / 2, gradient=lambda x: x)


def _double_well() -> Law:
    return 0.1 * Entropy() + Potential(lambda x: (x**2 - 1) ** 2, gradient=lambda x: 4 * x * (x**2 - 1))


def _start(mean: float, deviation: float, cells: int) -> Quantiles:
    grid = Grid.box((-8, 8), cells=400)
    return grid.density(lambda x: np.exp(-((x - mean) ** 2) / (2 * deviation**2))).quantiles(cells, walls=False)


def _check_gaussian_step(names: dict[str, Any]) -> None:
    gaussian_step = defined(names, "gaussian_step")
    for m, s, dt in ((2.0, 0.5, 0.5), (-1.0, 2.0, 0.1), (0.0, 1.0, 3.0), (3.0, 0.1, 10.0)):
        mean, deviation = _pair(gaussian_step(m, s, dt), "gaussian_step")
        where = f"from m = {m}, s = {s} with dt = {dt}"
        assert deviation > 0, f"{where} the deviation is {deviation:.4g}: which root of the quadratic equation is positive?"

        # at the least value of the objective a small change of either number raises it
        def objective(n: float, t: float, m: float = m, s: float = s, dt: float = dt) -> float:
            return ((n - m) ** 2 + (t - s) ** 2) / (2 * dt) + (n**2 + t**2) / 2 - np.log(t)

        for factor in (0.999, 1.001):
            least = objective(mean, deviation)
            shift = (factor - 1) * (1 + abs(mean))
            assert objective(mean + shift, deviation) > least, f"{where} the mean {mean:.4g} does not minimise the objective"
            assert objective(mean, deviation * factor) > least, (
                f"{where} the deviation {deviation:.4g} does not minimise the objective"
            )


def _check_ledger(names: dict[str, Any]) -> None:
    ledger = defined(names, "ledger")
    for law, mean, dt in ((_well(), 2.0, 0.25), (_well(), 2.0, 0.4), (_double_well(), 0.1, 0.3)):
        flow = evolve(law, _start(mean, 0.5, 40), dt=dt, t_end=1.0, progress=False)
        cost, loss = _pair(ledger(flow), "ledger")
        states, times = list(flow), flow.times
        squares = np.array([float(wasserstein(a, b)) ** 2 for a, b in pairwise(states)])
        expected = float((squares / (2 * np.diff(times))).sum())
        drop = law(states[0]) - law(states[-1])
        where = f"with dt = {dt} until t = 1"
        assert np.isclose(loss, drop, rtol=1e-6), f"{where} the energy falls by {drop:.4g}, not by {loss:.4g}"
        hint = "square the distances, and divide by 2 dt" if dt == 0.25 else "the last step is shorter: see flow.dts"
        assert np.isclose(cost, expected, rtol=1e-6), f"{where} the sum of the steps is not {cost:.4g}: {hint}"


def _check_order(names: dict[str, Any]) -> None:
    order = defined(names, "order")
    for law, kind, expected in ((_well(), JKO, 1), (_well(), BDF2, 2), (_double_well(), JKO, 1)):
        scheme = type(kind.__name__, (kind,), {"order": np.nan})()  # it does not tell its order: runs do
        found = order(law, _start(1.5, 0.7, 80), scheme, 0.1, 1.0)
        assert found is not None, "order returns nothing yet"
        assert np.ndim(found) == 0, "order must return one number"
        assert abs(found - expected) < 0.3, f"for {kind.__name__} the order is near {expected}, not {float(found):.3g}"


EXERCISES = (
    Exercise(
        "one step in closed form",
        r"The energy is $E(\rho) = \int \rho \log \rho + \tfrac12 x^2 \rho \, dx$. On the Gaussian $N(m, s^2)$ it is "
        r"$\tfrac12 (m^2 + s^2) - \log s$ plus a constant. Write `gaussian_step(m, s, dt)`, the pair of the mean and "
        r"the standard deviation after one JKO step. The square of $W_2$ from $N(m, s^2)$ to $N(n, t^2)$ is "
        r"$(m - n)^2 + (s - t)^2$.",
        "def gaussian_step(m, s, dt):\n    return None\n",
        _check_gaussian_step,
    ),
    Exercise(
        "the ledger of a run",
        r"`flow` is a run of jkoflow. Write `ledger(flow)`, the pair of $\sum_k W_2(\rho_{k+1}, \rho_k)^2 / (2\,dt_k)$ and "
        r"$E(\rho_0) - E(\rho_K)$. The arrays `flow.distances`, `flow.dts` and `flow.energies` have what you need.",
        "def ledger(flow):\n    return None\n",
        _check_ledger,
    ),
    Exercise(
        "the order of a scheme",
        "Write `order(law, start, scheme, dt, t_end)`, the measured order of a scheme in dt, for a law without a closed form. "
        "Run with dt, dt/2 and dt/4 by `jf.evolve(law, start, scheme=scheme, dt=..., t_end=t_end).final`. Compare the "
        "results by `float(jf.wasserstein(a, b))`. If the error is $C\\,dt^p$, by which factor is the second distance "
        "smaller than the first?",
        "def order(law, start, scheme, dt, t_end):\n    return None\n",
        _check_order,
    ),
)
