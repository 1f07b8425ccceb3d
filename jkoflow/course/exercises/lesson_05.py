"""Exercises of the lesson on the porous medium equation."""

from __future__ import annotations

from typing import Any

import numpy as np

from ... import Quantiles, RenyiEntropy
from ...closed_forms import Barenblatt
from ..exercise import Exercise, defined, number


def _check_growth(names: dict[str, Any]) -> None:
    growth = defined(names, "growth")
    rng = np.random.default_rng(6)
    for d in (1, 2, 3, 2):
        p = rng.uniform(2.0, 5.0)
        a = number(growth(p, d), "growth")
        left, right = -d * a - 1, -(d + 1) * a * (p - 1) - a
        assert np.isclose(left, right), (
            f"for p = {p:.3g}, d = {d} and a = {a:.4g} the left side has the power {left:.4g} of t, the right side {right:.4g}"
        )


def _check_waiting_time(names: dict[str, Any]) -> None:
    waiting_time = defined(names, "waiting_time")
    rng = np.random.default_rng(7)
    for d in (1, 2, 3, 2):
        m, A = rng.uniform(1.2, 4.0), rng.uniform(0.2, 3.0)
        T = number(waiting_time(m, A, d), "waiting_time")
        assert T > 0, f"for m = {m:.3g}, A = {A:.3g} and d = {d} the time {T:.4g} is not positive"

        def u(x: Any, t: float, A: float = A, T: float = T) -> float:
            return float(A * (x @ x) / (1 - t / T))

        x, t, h, k = rng.normal(size=d), 0.3 * T, 1e-4, 1e-4 * T
        left = (u(x, t + k) - u(x, t - k)) / (2 * k)
        slopes = [(u(x + e, t) - u(x - e, t)) / (2 * h) for e in h * np.eye(d)]
        bends = [(u(x + e, t) - 2 * u(x, t) + u(x - e, t)) / h**2 for e in h * np.eye(d)]
        right = (m - 1) * u(x, t) * sum(bends) + sum(slope**2 for slope in slopes)
        assert abs(left / right - 1) < 1e-3, (
            f"for m = {m:.3g}, A = {A:.3g}, d = {d} and T = {T:.4g} u is no solution: the left side over the "
            f"right side is {left / right:.3g}, not 1"
        )


def _check_exponent(names: dict[str, Any]) -> None:
    exponent = defined(names, "exponent")
    for m, began, shift in ((2.0, 0.1, 0.0), (3.0, 0.02, 0.0), (1.5, 0.3, 2.0)):
        known = Barenblatt(m=m, d=1)
        start = known.quantiles(began, cells=60)
        start = Quantiles(start.nodes + shift, start.masses)
        scale = known.scale(began)
        expected = float(np.log2(known.jko(scale, dt=0.05, steps=20) / known.jko(scale, dt=0.05, steps=10)))
        found = number(exponent(RenyiEntropy(m), start, 0.05, 1.0), "exponent")
        where = f"for m = {m:g} and a start around {shift:g}"
        assert abs(found - expected) < 0.02, (
            f"{where} the exponent is near {expected:.3f}, not {found:.3f}: "
            "is it the width of the support, at t_end and at t_end / 2?"
        )


EXERCISES = (
    Exercise(
        "another equation that spreads",
        r"A solution of $\partial_t \rho = \nabla \cdot (|\nabla \rho|^{p - 2} \nabla \rho)$ in $\mathbb{R}^d$ has the form "
        r"$\rho = t^{-d a} f(x / t^a)$, which keeps the mass. Write `growth(p, d)`, the number $a$. Both sides of the equation "
        "must have the same power of $t$ at one value of $x / t^a$.",
        "def growth(p, d):\n    return None\n",
        _check_growth,
    ),
    Exercise(
        "a solution that waits",
        r"In $\mathbb{R}^d$ the pressure solves $u_t = (m - 1)\, u\, \Delta u + |\nabla u|^2$. The function "
        r"$u = A |x|^2 / (1 - t / T)$ is a solution that vanishes at $x = 0$ until the time $T$. Write "
        "`waiting_time(m, A, d)`, the number $T$.",
        "def waiting_time(m, A, d):\n    return None\n",
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
