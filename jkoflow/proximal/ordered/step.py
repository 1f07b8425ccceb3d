"""The distance and the answer of a step of ordered particles, for all its solvers."""

from __future__ import annotations

import numpy as np

from ..._arrays import cumulated
from ..._status import Status
from ..._typing import Array
from ...measures import Species
from ..base import ProximalStep, ProxResult
from ..verification import checked


def distance(step: ProximalStep, a: Species, b: Species) -> float:
    """The product distance of two states: (sum_i m_i |a_i - b_i|^2 / alpha_i)^(1/2)."""
    return float(np.sqrt(sum(a[name].moved_from(b[name]) ** 2 / step.mobilities[name] for name in a)))


def farthest(a: Species, b: Species) -> float:
    """The largest root mean square displacement of a species between two states, a length."""
    return max(a[name].moved_from(b[name]) / a[name].mass ** 0.5 for name in a)


def answer(step: ProximalStep, state: Species, status: Status, iterations: int, residual: float) -> ProxResult:
    """The answer of a solver that ended at ``state``, with distances and potentials."""
    distances = {name: state[name].moved_from(step.anchor[name]) for name in state}
    potentials = {name: _potential(state[name].points, step.anchor[name].points) for name in state}
    return checked(step, ProxResult(state, distances, potentials, status, iterations, residual))


def _potential(z: Array, anchor: Array) -> Array:
    """A Kantorovich potential at the points z. Its slope between two points is the mean of their displacements."""
    d = z - anchor
    return cumulated(np.diff(z) * (d[1:] + d[:-1]) / 2)
