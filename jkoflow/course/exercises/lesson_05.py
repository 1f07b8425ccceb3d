"""Exercises of the lesson on the porous medium equation."""

from __future__ import annotations

from typing import Any

import numpy as np

from ... import Quantiles, RenyiEntropy
from ...closed_forms import Barenblatt
from ..exercise import Exercise, defined


def _number(found: Any, name: str) -> float:
    assert found is not None, f"{name} returns nothing yet"
    assert np.ndim(found) == 0, f"{name} must return one number"
    return float(found)


def _check_growth(names: dict[str, Any]) -> None:
    growth = defined(names, "growth")
    for m, d in ((1.0, 1), (2.0, 1), (2.0, 3), (3.5, 2), (0.8, 2)):
        a = _number(growth(m, d), "growth")
        left, right = -d * a - 1, -d * a * m - 2 * a
        assert np.isclose(left, right), (
            f"for m = {m:g}, d = {d} and a = {a:.4g} the left side has the power {left:.4g} of t, the right side {right:.4g}"
        )


def _check_waiting_time(names: dict[str, Any]) -> None:
    waiting_time = defined(names, "waiting_time")
    for m, A in ((2.0, 1.0), (2.0, 3.0), (3.0, 1.0), (1.5, 0.2)):
        T = _number(waiting_time(m, A), "waiting_time")
        assert T > 0, f"for m = {m:g} and A = {A:g} the time {T:.4g} is not positive"

        def u(x: float, t: float, A: float = A, T: float = T) -> float:
            return A * x**2 / (1 - t / T)

        x, t, h, k = 0.7, 0.3 * T, 1e-4, 1e-4 * T
        left = (u(x, t + k) - u(x, t - k)) / (2 * k)
        slope, bend = (u(x + h, t) - u(x - h, t)) / (2 * h), (u(x + h, t) - 2 * u(x, t) + u(x - h, t)) / h**2
        right = (m - 1) * u(x, t) * bend + slope**2
        assert abs(left / right - 1) < 1e-3, (
            f"for m = {m:g}, A = {A:g} and T = {T:.4g} u is no solution: the left side is {left / right:.3g} times the right"
        )


def _check_exponent(names: dict[str, Any]) -> None:
    exponent = defined(names, "exponent")
    for m, began, shift in ((2.0, 0.1, 0.0), (3.0, 0.02, 0.0), (1.5, 0.3, 2.0)):
        known = Barenblatt(m=m, d=1)
        start = known.quantiles(began, cells=60)
        start = Quantiles(start.nodes + shift, start.masses)
        scale = known.scale(began)
        expected = float(np.log2(known.jko(scale, dt=0.05, steps=20) / known.jko(scale, dt=0.05, steps=10)))
        found = _number(exponent(RenyiEntropy(m), start, 0.05, 1.0), "exponent")
        where = f"for m = {m:g} and a start around {shift:g}"
        assert abs(found - expected) < 0.02, (
            f"{where} the exponent is near {expected:.3f}, not {found:.3f}: "
            "is it the width of the support, at t_end and at t_end / 2?"
        )


EXERCISES = (
    Exercise(
        "the exponent of spreading",
        r"A solution of $\partial_t \rho = \Delta \rho^m$ in $\mathbb{R}^d$ has the form $\rho = t^{-d a} f(x / t^a)$, "
        "which keeps the mass. Write `growth(m, d)`, the number $a$. Both sides of the equation must have the same power "
        "of $t$ at one value of $x / t^a$.",
        "def growth(m, d):\n    return None\n",
        _check_growth,
    ),
    Exercise(
        "a solution that waits",
        r"On the line the pressure $u$ solves $u_t = (m - 1)\, u\, u_{xx} + u_x^2$. The function $u = A x^2 / (1 - t / T)$ "
        "on $x > 0$, with $u = 0$ on $x < 0$, is a solution whose edge stays at $x = 0$ until the time $T$. Write "
        "`waiting_time(m, A)`, the number $T$.",
        "def waiting_time(m, A):\n    return None\n",
        _check_waiting_time,
    ),
    Exercise(
        "measure the exponent",
        "`start` is a measure with compact support, given as `Quantiles`. Write `exponent(law, start, dt, t_end)`. Run "
        r"the law from the start, and let $R(t)$ be the width of the support at the time $t$ of the run. Return $\log_2 "
        "(R(t_{end}) / R(t_{end} / 2))$. The nodes of a state, `flow[k].nodes`, go from one edge of the support to the "
        "other.",
        "def exponent(law, start, dt, t_end):\n    return None\n",
        _check_exponent,
    ),
)
