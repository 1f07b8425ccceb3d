"""Exercises of the lesson on two species."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import numpy as np

import jkoflow as jf

from ..exercise import Exercise, defined


def _check_distance(names: dict[str, Any]) -> None:
    distance = defined(names, "distance")
    for t, d, k, m in ((1.0, 2.0, 0.5, 0.5), (0.7, 1.0, 1.0, 0.25), (0.5, 3.0, 0.5, -1.0), (1.0, 1.0, 0.8, -0.8)):
        found = distance(t, d, k, m)
        assert found is not None, "distance returns nothing yet"
        law = jf.Drift(k * jf.Quadratic(), moves="a", by="b") + jf.Drift(m * jf.Quadratic(), moves="b", by="a")
        start = jf.Species(a=jf.Particles(np.array([0.0])), b=jf.Particles(np.array([d])))
        end = jf.evolve(law, start, scheme=jf.Overdamped(), t_end=t, dt=t).final
        expected = float(end["b"].mean - end["a"].mean)
        who = f"for k = {k:g}, m = {m:g}, from d = {d:g}, at t = {t:g}"
        assert np.isclose(found, expected, rtol=1e-5), f"{who} the distance is {expected:.4f}, not {float(found):.4f}"


def _check_mobilities(names: dict[str, Any]) -> None:
    mobilities = defined(names, "mobilities")
    rng = np.random.default_rng(8)
    cases = []
    for _ in range(3):
        alpha, numbers = rng.uniform(0.5, 2.0, 3), rng.uniform(0.5, 2.0, (3, 3)) * rng.choice([-1, 1], (3, 3))
        good = alpha[:, None] * (np.triu(numbers) + np.triu(numbers, 1).T)
        bad, chase = good.copy(), good * np.where(np.arange(3) == 1, -1, 1)
        bad[0, 1] *= 1.5
        cases += [
            ("ratios that agree round the circle", good),
            ("ratios that disagree round the circle", bad),
            ("a second species that the others chase, or that chases them", chase),
        ]
    for what, K in cases:
        found = mobilities(K.copy())
        own = [K[i, i] * jf.Interaction(jf.Quadratic(), f"s{i}") for i in range(3)]
        law = sum(
            [K[i, j] * jf.Drift(jf.Quadratic(), f"s{i}", f"s{j}") for i, j in permutations(range(3), 2)], sum(own[1:], own[0])
        )
        known = law.symmetrizable()
        where = f"{what}, K = {K.round(3).tolist()}:"
        if known is None:
            assert found is None, f"{where} there is no energy, so the answer is None"
            continue
        expected = np.array([known[f"s{i}"] for i in range(3)])
        assert found is not None, f"{where} there are mobilities, near {expected.round(3)}"
        assert np.shape(found) == (3,), "mobilities must return three numbers, or None"
        assert np.isclose(found[0], 1), f"{where} the mobility of the first species is 1, not {found[0]:.4g}"
        assert np.allclose(found, expected), (
            f"{where} the mobilities are {expected.round(3)}, not {np.round(found, 3)}: is K[i, j] / alpha[i] symmetric?"
        )


def _check_law(names: dict[str, Any]) -> None:
    law = names.get("law")
    assert law is not None, "there is no law yet"
    assert isinstance(law, jf.Law), "law must be a sum of terms of jkoflow"
    scheme = jf.JKO() if law.has_energy else jf.SemiImplicitJKO()
    for place in (1.0, -2.0):
        start = jf.Species(a=jf.Quantiles(np.linspace(-0.5, 0.5, 11)), b=jf.Quantiles(place + np.linspace(-0.3, 0.3, 7)))
        flow = jf.evolve(law, start, scheme=scheme, dt=0.002, t_end=0.3)
        first, last = flow[0], flow.final
        gap = [float(state["b"].mean - state["a"].mean) for state in (first, last)]
        rate = -np.log(abs(gap[1] / gap[0])) / 0.3
        assert abs(rate - 3) < 0.05, f"the distance of the means falls with the rate {rate:.2f}, not 3"
        for name in "ab":
            change = float(last[name].covariance / first[name].covariance)
            assert abs(change - 1) < 0.01, f"the variance of {name!r} is multiplied by {change:.3f}: it must stay"


EXERCISES = (
    Exercise(
        "fox and hare as atoms",
        "Species $a$ and $b$ are one atom each, at the distance `d`. Species $a$ is drawn to $b$ by the kernel "
        "$k |x|^2 / 2$, and $b$ to $a$ by $m |x|^2 / 2$. A negative number "
        "repels. Write `distance(t, d, k, m)`, their distance at time `t`.",
        "def distance(t, d, k, m):\n    return None\n",
        _check_distance,
    ),
    Exercise(
        "which mobilities?",
        r"Each of three species moves with $-\sum_j K_{ij} \nabla (\frac12 |x|^2) * \rho_j$. No entry of the matrix `K` is 0. "
        r"Write `mobilities(K)`: the three numbers $\alpha_i > 0$, with the first one 1, that make the law the gradient flow "
        "of an energy. If there are none, return None.",
        "def mobilities(K):\n    return None\n",
        _check_mobilities,
    ),
    Exercise(
        "rigid bodies that attract",
        "Find a `law` of jkoflow for the species `a` and `b` on the line, of mass 1 and mobility 1 each. The distance "
        "of their "
        'means shall fall like $e^{-3 t}$, and the shape of each shall not change. Terms are `jf.Interaction(W, "a")` and '
        '`jf.CrossInteraction(K, between=("a", "b"))`.',
        'law = jf.CrossInteraction(jf.Quadratic(), between=("a", "b"))\n',
        _check_law,
    ),
)
