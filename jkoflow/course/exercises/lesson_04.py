"""Exercises of the lesson on convexity."""

from __future__ import annotations

from typing import Any

import numpy as np

from ... import Entropy, Potential, Quantiles
from ..exercise import Exercise, defined


def _number(found: Any, name: str) -> float:
    assert found is not None, f"{name} returns nothing yet"
    assert np.ndim(found) == 0, f"{name} must return one number"
    return float(found)


def _check_convexity(names: dict[str, Any]) -> None:
    convexity = defined(names, "convexity")
    x = np.linspace(-2, 2, 401)
    cases = (
        ("1.5 x^2", lambda x: 1.5 * x**2, 3.0, "are both ends right? Only inner points have two neighbours"),
        ("(x^2 - 1)^2", lambda x: (x**2 - 1) ** 2, -4.0, "V'' may be negative: it is the least value that counts"),
        ("cos(2 x)", lambda x: np.cos(2 * x), -4.0, "V'' may be negative: it is the least value that counts"),
        ("5 x", lambda x: 5 * x, 0.0, "a linear function has V'' = 0"),
        ("x^4", lambda x: x**4, 0.0, "V'' = 12 x^2 vanishes at 0"),
    )
    for name, V, expected, hint in cases:
        found = _number(convexity(V, x), "convexity")
        assert abs(found - expected) < 2e-2, f"for V = {name} lambda is {expected:g}, not {found:.4g}: {hint}"


def _check_allowed(names: dict[str, Any]) -> None:
    allowed = defined(names, "allowed")

    def interval(low: float, high: float) -> Quantiles:
        return Quantiles(np.linspace(low, high, 11))

    for k in (2.0, -0.5):
        law = Potential(lambda x, k=k: k * x**2 / 2)
        found = _number(allowed(law, interval(-1, 0), interval(1, 4)), "allowed")
        assert abs(found - k) < 1e-3, f"for V = {k:g} x^2 / 2 it is {k:g} for every pair, not {found:.4g}"
    found = _number(allowed(Entropy(), interval(0, 1), interval(5, 9)), "allowed")
    # the entropy of the uniform density of width w is -log w; the distance is that of the means and of the deviations
    expected = 8 * (np.log(2.5) - np.log(4) / 2) / (6.5**2 + 9 / 12)
    assert abs(found - expected) < 1e-6, (
        f"for the entropy of uniform densities on (0, 1) and (5, 9) it is {expected:.5f}, not {found:.5f}: "
        "half of the way is where the nodes are, not where the densities are, and W2 counts squared"
    )
    wells = Potential(lambda x: (x**2 - 1) ** 2)
    found = _number(allowed(wells, Quantiles.atoms([-1.0]), Quantiles.atoms([1.0])), "allowed")
    assert abs(found + 2) < 1e-6, f"for point masses at -1 and 1 in (x^2 - 1)^2 it is -2, not {found:.4g}"


def _check_contraction_rate(names: dict[str, Any]) -> None:
    contraction_rate = defined(names, "contraction_rate")
    times = np.arange(1, 101) * 0.01

    def in_two_wells(x: float) -> Any:
        return np.sign(x) / np.sqrt(1 + (x**-2 - 1) * np.exp(-8 * times))

    cases = (
        ("x^2 / 2", lambda x: x**2 / 2, (1.0, 3.0), lambda x: x * np.exp(-times)),
        ("-x^2 / 2", lambda x: -(x**2) / 2, (1.0, 3.0), lambda x: x * np.exp(times)),
        ("x^4 / 4", lambda x: x**4 / 4, (0.5, 2.0), lambda x: x / np.sqrt(1 + 2 * x**2 * times)),
        ("(x^2 - 1)^2", lambda x: (x**2 - 1) ** 2, (-0.1, 0.1), in_two_wells),
    )
    for name, V, (a, b), path in cases:
        distance = np.asarray(path(b) - path(a))
        expected = float((-np.log(distance / (b - a)) / times).min())
        found = _number(
            contraction_rate(Potential(V), Quantiles.atoms([a]), Quantiles.atoms([b]), 0.01, 1.0), "contraction_rate"
        )
        assert np.isfinite(found), "the result is not finite: leave out the time 0"
        assert abs(found - expected) < 0.03 + 0.03 * abs(expected), (
            f"for V = {name} and point masses at {a:g} and {b:g} it is near {expected:.3g}, not {found:.3g}: "
            "the bound must hold at every time"
        )


EXERCISES = (
    Exercise(
        "how convex is a potential?",
        r"Write `convexity(V, x)`, the largest $\lambda$ with $V'' \ge \lambda$, by second differences of the values of "
        "the function `V` at the equally spaced points `x`.",
        "def convexity(V, x):\n    return None\n",
        _check_convexity,
    ),
    Exercise(
        "what one geodesic allows",
        "`x` and `y` are `Quantiles` with the same masses, and `law` is an energy $E$. Let $z$ be the middle of the "
        r"geodesic between them. Write `allowed(law, x, y)`, the largest $\lambda$ with $E(z) \le \tfrac12 E(x) + \tfrac12 "
        r"E(y) - \tfrac{\lambda}{8} W_2(x, y)^2$. `x.nodes` are the nodes, `x.like(nodes)` has the same masses at other "
        "nodes, `law(x)` is the energy and `float(jf.wasserstein(x, y))` the distance.",
        "def allowed(law, x, y):\n    return None\n",
        _check_allowed,
    ),
    Exercise(
        "the rate of two runs",
        r"Write `contraction_rate(law, one, other, dt, t_end)`. Run the law from both starts. Return the largest $\lambda$ "
        r"such that $W_2(\rho_t, \sigma_t) \le e^{-\lambda t} W_2(\rho_0, \sigma_0)$ holds at all times of the runs. It "
        "may be negative.",
        "def contraction_rate(law, one, other, dt, t_end):\n    return None\n",
        _check_contraction_rate,
    ),
)
