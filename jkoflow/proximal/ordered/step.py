"""What the solvers of steps of ordered particles share."""

from __future__ import annotations

import numpy as np

from ..._status import Status
from ..._typing import Array
from ...measures import OrderedPoints, Species
from ..base import ProximalStep, ProxResult


def must_be_ordered(step: ProximalStep) -> None:
    """ValueError for a step of anything but ordered particles with one anchor."""
    if step.anchor.kind is not OrderedPoints:
        raise ValueError(f"this solver takes ordered particles, got {step.anchor.kind.__name__}")
    if step.further:
        raise ValueError("this solver takes one anchor, and BDF2 and VariationalExtrapolation need more: take JKO with it")


def distance(step: ProximalStep, a: Species, b: Species) -> float:
    """(sum_i m_i |a_i - b_i|^2 / alpha_i)^(1/2): the product distance of W2."""
    return float(np.sqrt(sum(_moved(a, b, name) ** 2 / step.mobilities[name] for name in a)))


def answer(step: ProximalStep, state: Species, status: Status, iterations: int, residual: float) -> ProxResult:
    """The answer of a solver that ended at a state."""
    distances = {name: _moved(state, step.anchor, name) for name in state}
    potentials = {name: _potential(state[name].points, step.anchor[name].points) for name in state}
    return ProxResult(state, distances, potentials, status, iterations, residual)


def _moved(a: Species, b: Species, name: str) -> float:
    return float(np.sqrt(a[name].masses @ (a[name].points - b[name].points) ** 2))


def _potential(z: Array, anchor: Array) -> Array:
    """A Kantorovich potential at the points: its slope between two is the mean of the displacements of both."""
    d = z - anchor
    return np.concatenate([[0.0], np.cumsum(np.diff(z) * (d[1:] + d[:-1]) / 2)])
