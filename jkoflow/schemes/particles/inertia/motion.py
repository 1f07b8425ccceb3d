"""The equation of damped particles, linear in their velocities."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ...._typing import Array
from ....clouds import Forces
from ....linear import krylov_phi, phi
from ....measures import Species
from ...problem import Problem

Parts = list[Array]
"""An array for every species, of its positions or its velocities."""

Phis = Callable[[Parts], list[Parts] | None]
"""From velocities v: phi_0(-h L) v, phi_1(-h L) v, ...; None if they cannot be computed."""

_TOLERANCE, _MOST = 1e-13, 400  # of the products with phi_k(-h L), relative; the most products with L for them


@dataclass
class DampedMotion:
    """x' = u,   u' = f(x, t) - L(x) u.

    L holds all that is linear in velocities: the damping, friction and alignment. It is divided by the inertia time:

        L(x) u = [(drag + gamma) u + sum_j m_j psi(|x - y_j|) (u - w_j)] / epsilon,    f = -(alpha / epsilon) grad dE/d rho.

    Attributes
    ----------
    problem : Problem
    forces : Forces
    masses : list of arrays
        The masses of the particles of every species.
    epsilons : list of float
        The inertia times.
    drag : float
        1 for damped particles, 0 for Newton's equations.
    """

    problem: Problem
    forces: Forces
    masses: list[Array]
    epsilons: list[float]
    drag: float = 1.0
    evaluations: int = 0

    @classmethod
    def of(cls, problem: Problem, state: Species, time: float, epsilons: list[float], drag: float) -> DampedMotion:
        """The motion of a state. Raises ValueError as ``Forces.of``."""
        forces = Forces.of(problem.law, state, problem.mobilities_at(time))
        return cls(problem, forces, [measure.masses for measure in state.values()], epsilons, drag)

    @cached_property
    def rates(self) -> Array:
        """(drag + gamma) / epsilon of every species."""
        return np.asarray((self.drag + self.forces.damping) / self.epsilons)

    def push(self, x: Parts, time: float) -> Parts:
        """f, per species."""
        self.evaluations += 1
        constant = self.problem.constant
        forces = self.forces if constant else self.forces.with_mobilities(self.problem.mobilities_at(time))
        return [f / epsilon for f, epsilon in zip(forces.of_places(x, self.masses, time), self.epsilons, strict=True)]

    def drag_at(self, x: Parts) -> Callable[[Parts], Parts]:
        """L(x), a linear function of the velocities."""
        if not self.forces.pulls:
            return lambda u: [rate * part for rate, part in zip(self.rates, u, strict=True)]
        pull = self.forces.alignment_at(x, self.masses)

        def drag(u: Parts) -> Parts:
            parts = zip(self.rates, self.epsilons, u, pull(u), strict=True)
            return [rate * part - aligned / epsilon for rate, epsilon, part, aligned in parts]

        return drag

    def phis(self, drag: Callable[[Parts], Parts], h: float, count: int) -> Phis:
        """phi_0(-h L), ..., phi_(count - 1)(-h L) for the L at some places.

        Without alignment L is a number for every species. Otherwise the products are taken from a Krylov space, in the norm
        that is weighted by masses: in this norm L is symmetric, and its condition number is at most
        1 + 2 sup sum_j m_j psi / (drag + gamma) if there is one epsilon. So a few products suffice, whatever h / epsilon.
        """
        if not self.forces.pulls:
            numbers = phi(count, h * self.rates)
            return lambda v: [[c * part for c, part in zip(row, v, strict=True)] for row in numbers]
        roots = [np.sqrt(m) for m in self.masses]

        def joined(v: Parts) -> Array:
            return np.concatenate([(root * part.T).T.ravel() for root, part in zip(roots, v, strict=True)])

        def products(v: Parts) -> list[Parts] | None:
            ends = np.cumsum([part.size for part in v])[:-1]

            def parted(row: Array) -> Parts:
                parts = [piece.reshape(part.shape) for piece, part in zip(np.split(row, ends), v, strict=True)]
                return [(part.T / root).T for root, part in zip(roots, parts, strict=True)]

            rows = krylov_phi(lambda row: joined(drag(parted(row))), joined(v), h, count, _TOLERANCE, _MOST)
            return None if rows is None else [parted(row) for row in rows]

        return products
