"""Exercises of the lesson on entropy."""

from __future__ import annotations

from collections.abc import Callable
from math import gamma
from typing import Any

import numpy as np

from ... import Grid
from ..exercise import Exercise, defined, number


def _check_equilibrium(names: dict[str, Any]) -> None:
    equilibrium = defined(names, "equilibrium")
    x = np.linspace(-9, 9, 1201)
    cases: tuple[tuple[str, Callable[..., Any], Any], ...] = (
        ("x**2 / 2", lambda x: x**2 / 2, np.sqrt(2 * np.pi)),
        ("x**4 / 4", lambda x: x**4 / 4, 2 * 4**0.25 * gamma(1.25)),
        ("2 abs(x)", lambda x: 2 * abs(x), 1.0),
        ("1000 + (x - 1)**2", lambda x: 1000 + (x - 1) ** 2, np.exp(-1000) * np.sqrt(np.pi)),
        ("x**2 - 1000", lambda x: x**2 - 1000, None),
    )
    for name, V, constant in cases:
        with np.errstate(all="ignore"):
            found = equilibrium(V, x)
        assert found is not None, "equilibrium returns nothing yet"
        assert np.shape(found) == x.shape, "equilibrium must return as many values as there are points"
        found = np.asarray(found, dtype=float)
        hint = "" if abs(V(0.0)) < 100 else ": does a constant that is added to V change anything?"
        assert np.all(np.isfinite(found)), f"for V = {name} some values are not finite{hint}"
        mass = found.sum() * (x[1] - x[0])
        assert np.isclose(mass, 1, rtol=1e-3), f"for V = {name} the mass is {mass:.4g}, not 1{hint}"
        flat = np.log(np.maximum(found[abs(x) < 2], 1e-300)) + V(x[abs(x) < 2])
        assert np.ptp(flat) < 1e-6, f"for V = {name} log(rho) + V is not constant, as it is for exp(-V)"
        if constant:
            exact = np.exp(-V(0.3)) / constant
            assert np.isclose(np.interp(0.3, x, found), exact, rtol=1e-2), f"for V = {name} the value at 0.3 is not {exact:.4g}"


def _check_fisher(names: dict[str, Any]) -> None:
    fisher = defined(names, "fisher")
    rng = np.random.default_rng(5)
    for _ in range(3):
        h, s, t = rng.uniform(0.03, 0.06), *rng.uniform(0.6, 1.4, 2)
        x, y = (h * np.arange(-round(8 * width / h), round(8 * width / h) + 1) for width in (s, t))
        one = np.exp(-(x**2) / (2 * s**2))[:, None] * np.exp(-(y**2) / (2 * t**2)) / (2 * np.pi * s * t)
        cases = (
            (f"N(0, {s:.3f}^2) times N(0, {t:.3f}^2)", one, 1 / s**2 + 1 / t**2),
            (f"x^4 / (3 {s:.3f}^4) times this", (x / s)[:, None] ** 4 * one / 3, 7 / (3 * s**2) + 1 / t**2),
        )
        for name, inside, expected in cases:
            values = np.pad(inside, 3)  # a border of zeros
            with np.errstate(all="ignore"):
                found = number(fisher(values.copy(), h), "fisher")
            where = f"for {name} with h = {h:.4f}"
            assert np.isfinite(found), f"{where} the result is not finite: can the density in the denominator be 0?"
            assert np.isclose(found, expected, rtol=2e-2), (
                f"{where} the Fisher information is {expected:.4g}, not {found:.4g}: it has two derivatives, and a cell has "
                "the area h^2"
            )


def _gap(V: Callable[..., Any]) -> float:
    """Return the least positive eigenvalue of -f'' + V' f', from its Schroedinger form on a fine mesh."""
    x, h = np.linspace(-5, 5, 401, retstep=True)
    between = np.exp(-(V(x[:-1] + h / 2) - V(x[:-1]) / 2 - V(x[1:]) / 2))
    up, down = np.exp(-(V(x[:-1] + h / 2) - V(x[:-1]))), np.exp(-(V(x[:-1] + h / 2) - V(x[1:])))
    matrix = np.diag(np.append(up, 0) + np.append(0, down)) - np.diag(between, 1) - np.diag(between, -1)
    return float(np.linalg.eigvalsh(matrix / h**2)[1])


def _check_rate(names: dict[str, Any]) -> None:
    rate = defined(names, "rate")
    start = Grid.box((-5, 5), cells=80).density(lambda x: np.exp(-((x - 1) ** 2) / 0.1))
    for name, V in (
        ("x**2 / 2", lambda x: x**2 / 2),
        ("x**4 / 4", lambda x: x**4 / 4),
    ):
        found = rate(V, start, 0.05, 2.5)
        assert found is not None, "rate returns nothing yet"
        assert np.ndim(found) == 0, "rate must return one number"
        expected = 2 * _gap(V)
        assert found > 0, f"for V = {name} the rate is {float(found):.4g}, but entropy falls: r is positive"
        assert abs(found / expected - 1) < 0.08, (
            f"for V = {name} the rate is near {expected:.3g}, not {float(found):.3g}: "
            "is it the energy above its value at equilibrium, from t_end / 2 to t_end?"
        )


EXERCISES = (
    Exercise(
        "where the flow ends",
        "Write `equilibrium(V, x)`, the values at the equally spaced points `x` of the density proportional to $e^{-V}$ "
        "of mass 1. `V` is a function that takes arrays. Mass is the sum of the values times the spacing. A constant that "
        "is added to $V$ must not matter, not even the constant 1000.",
        "def equilibrium(V, x):\n    return None\n",
        _check_equilibrium,
    ),
    Exercise(
        "the dissipation of entropy in the plane",
        r"Write `fisher(values, h)`, the Fisher information $\int |\nabla \rho|^2 / \rho \, dx \, dy$ of a density in the "
        "plane. Its values on square cells of the width `h` are the array `values`. The density may be 0 somewhere, and it "
        "is 0 near the border.",
        "def fisher(values, h):\n    return None\n",
        _check_fisher,
    ),
    Exercise(
        "the rate of convergence",
        "Write `rate(V, start, dt, t_end)`. Run `Entropy() + Potential(V)` from the density `start`. Return the number "
        "$r$ such that the relative entropy falls like $e^{-r t}$ between `t_end / 2` and `t_end`. You need "
        "`flow.energies`, `flow.times` and `jf.closed_forms.gibbs_state(start.grid, V)`, the equilibrium. A law is a "
        "function of states: `law(rho)` is its energy.",
        "def rate(V, start, dt, t_end):\n    return None\n",
        _check_rate,
    ),
)
