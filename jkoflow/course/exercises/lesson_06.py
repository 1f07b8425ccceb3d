"""Exercises of the lesson on quantiles."""

from __future__ import annotations

from typing import Any

import numpy as np

import jkoflow as jf

from ..exercise import Exercise, defined


def _check_entropy(names: dict[str, Any]) -> None:
    entropy = defined(names, "entropy")
    rng = np.random.default_rng(6)
    for nodes in (np.linspace(0, 4, 9), np.array([0.0, 1.0]), np.cumsum(rng.exponential(size=20))):
        found = entropy(nodes.copy())
        assert found is not None, "entropy returns nothing yet"
        assert np.ndim(found) == 0, "entropy must return one number"
        expected = jf.Entropy()(jf.Quantiles(nodes))
        assert not np.isclose(found, -expected) or np.isclose(expected, 0), (
            "the sign is wrong: a narrow heap has a large entropy here"
        )
        if np.allclose(np.diff(nodes), nodes[1] - nodes[0]):
            length = nodes[-1] - nodes[0]
            assert np.isclose(found, expected), (
                f"on an interval of length {length:g} the entropy is {expected:.4f}, not {found:.4f}"
            )
        assert np.isclose(found, expected), f"for {len(nodes) - 1} cells of different widths the value is not {found:.4f}"


def _check_step(names: dict[str, Any]) -> None:
    step = defined(names, "step")
    rng = np.random.default_rng(7)
    for dt in (0.01, 0.3, 2.0):
        now, before = rng.normal(size=(2, 5))
        found = step(now.copy(), before.copy(), dt)
        assert found is not None, "step returns nothing yet"
        assert np.shape(found) == (5,), "step must return as many places as it gets"
        assert not np.allclose(found, now / (1 + dt)), "this is the step of JKO: it does not use the places before"
        left = (3 * np.asarray(found) - 4 * now + before) / (2 * dt)
        assert np.allclose(left, -np.asarray(found)), f"for dt = {dt:g} the two sides of the formula differ"


def _check_energy(names: dict[str, Any]) -> None:
    energy = names.get("energy")
    assert energy is not None, "there is no energy yet"
    assert isinstance(energy, jf.Law), "energy must be an energy of jkoflow, such as jf.Interaction(jf.Quadratic())"
    assert energy.has_energy, "this law has no energy"
    for low, high in ((-1.0, 0.5), (0.0, 4.5)):
        start = jf.Quantiles(np.linspace(low, high, 25))
        flow = jf.evolve(energy, start, dt=50.0, t_end=1000.0)
        end, centre = flow.final, (low + high) / 2
        assert abs(end.mean - centre) < 1e-3, f"the centre of mass must stay at {centre:g}, it goes to {end.mean:.3g}"
        width = end.nodes[-1] - end.nodes[0]
        assert width > 0.05, "the mass becomes an atom: something must push it apart"
        assert width < 50, "the mass spreads without end: something must hold it together"
        assert np.ptp(end.values) < 0.02 * end.values.max(), (
            "the mass comes to rest, but not evenly spread: which push has a constant density at rest?"
        )
        assert abs(width - 4) < 0.02, f"the mass is evenly spread, but over the length {width:.3g}"


EXERCISES = (
    Exercise(
        "the entropy of quantiles",
        r"`x` is an array of $n + 1$ nodes that increase. Each of the $n$ cells between them has the mass $1/n$, "
        r"evenly spread. Write `entropy(x)`, the entropy $\int \rho \log \rho \, dx = \int_0^1 -\log X_s \, ds$.",
        "def entropy(x):\n    return None\n",
        _check_entropy,
    ),
    Exercise(
        "one step of second order",
        r"`now` and `before` are the arrays $X^k$ and $X^{k-1}$. The energy is $\int \frac12 X^2 ds$, so $\nabla E(X) = X$. "
        "Write `step(now, before, dt)`, which returns $X^{k+1}$ by BDF2.",
        "def step(now, before, dt):\n    return None\n",
        _check_step,
    ),
    Exercise(
        "an even spread",
        "Find an `energy` of jkoflow that spreads the mass 1 on the line evenly over an interval of length 4, from every "
        "start, and never moves the centre of mass. `jf.Interaction(W)` takes sums and multiples of two kernels: "
        "`jf.Quadratic()`, which is $|x|^2/2$, and `jf.PowerLaw(1)`, which is $|x|$. Let $X_t = 0$ at rest and find $X$.",
        "energy = jf.Interaction(jf.Quadratic())\n",
        _check_energy,
    ),
)
