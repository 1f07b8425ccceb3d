"""Exercises of the lesson on the JKO scheme."""

from __future__ import annotations

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
    rng = np.random.default_rng(3)
    for _ in range(5):
        m, c = rng.normal(scale=2.0, size=2)
        s, dt, theta, stiffness = rng.uniform(0.2, 3.0, 4)
        mean, deviation = _pair(gaussian_step(m, s, dt, theta, stiffness, c), "gaussian_step")
        where = (
            f"from m = {m:.3g}, s = {s:.3g} with dt = {dt:.3g}, theta = {theta:.3g}, stiffness = {stiffness:.3g}, c = {c:.3g}"
        )
        assert deviation > 0, f"{where} the deviation is {deviation:.4g}: which root of the quadratic equation is positive?"

        def objective(
            n: float,
            t: float,
            before: tuple[float, float] = (m, s),
            pull: tuple[float, float] = (stiffness, c),
            rest: tuple[float, float] = (dt, theta),
        ) -> float:
            (m, s), (stiffness, c), (dt, theta) = before, pull, rest
            step = ((n - m) ** 2 + (t - s) ** 2) / (2 * dt)
            return float(step + stiffness / 2 * ((n - c) ** 2 + t**2) - theta * np.log(t))

        # at the least value of the objective a small change of either number raises it
        for factor in (0.999, 1.001):
            least = objective(mean, deviation)
            shift = (factor - 1) * (1 + abs(mean))
            assert objective(mean + shift, deviation) > least, (
                f"{where} the mean {mean:.4g} does not minimise the objective: where is the derivative in n 0?"
            )
            assert objective(mean, deviation * factor) > least, (
                f"{where} the deviation {deviation:.4g} does not minimise the objective: where is the derivative in t 0?"
            )


def _check_reach(names: dict[str, Any]) -> None:
    reach = defined(names, "reach")
    rng = np.random.default_rng(4)
    for law in (_well(), _well(), _double_well()):
        flow = evolve(law, _start(rng.uniform(0.1, 2.0), 0.5, 40), dt=rng.uniform(0.2, 0.45), t_end=1.0, progress=False)
        found = reach(flow)
        assert found is not None, "reach returns nothing yet"
        assert np.shape(found) == (len(flow),), "reach must return one number for every state, 0 for the first among them"
        lost = flow.energies[0] - flow.energies
        for k, bound in enumerate(np.asarray(found, dtype=float)):
            distance, expected = float(wasserstein(flow[0], flow[k])), float(np.sqrt(2 * flow.times[k] * lost[k]))
            where = f"at the time {flow.times[k]:.3g} with the loss {lost[k]:.4g}"
            assert bound > distance - 1e-6, f"{where} the distance {distance:.4g} is above your bound {bound:.4g}"
            assert np.isclose(bound, expected, rtol=1e-6, atol=1e-9), (
                f"{where} the least bound is {expected:.4g}, not {bound:.4g}: use the inequality of Cauchy and Schwarz"
            )


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
        "one step with every constant",
        r"The energy is $E(\rho) = \int \theta \rho \log \rho + \tfrac12 \lambda (x - c)^2 \rho \, dx$ with "
        r"$\theta, \lambda > 0$. On the Gaussian $N(n, t^2)$ it is $\tfrac12 \lambda ((n - c)^2 + t^2) - \theta \log t$ plus "
        "a constant. Write `gaussian_step(m, s, dt, theta, stiffness, c)`, the pair of the mean and the standard deviation "
        r"after one JKO step from $N(m, s^2)$. The argument `stiffness` is $\lambda$.",
        "def gaussian_step(m, s, dt, theta, stiffness, c):\n    return None\n",
        _check_gaussian_step,
    ),
    Exercise(
        "how far can a run go?",
        r"`flow` is a run of jkoflow from the time 0. The estimate of this lesson bounds $\sum W_2^2 / (2\,dt)$ by the energy "
        r"that is lost. So it bounds $W_2(\rho_0, \rho_k)$, too. Write `reach(flow)`, the array of the least bounds that "
        r"follow from $t_k$ and $E(\rho_0) - E(\rho_k)$ alone. These numbers are in `flow.times` and `flow.energies`.",
        "def reach(flow):\n    return None\n",
        _check_reach,
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
