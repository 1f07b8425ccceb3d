"""The equation of damped particles, linear in their velocities."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ...._frozen import FrozenMapping
from ...._typing import Array
from ....clouds import Forces
from ....fields import AnyField
from ....linear import krylov_phi, phi
from ....measures import Species
from ...problem import Problem

Parts = list[Array]
"""An array for every species, of its positions or its velocities."""

Phis = Callable[[Parts], list[Parts] | None]
"""From velocities v: phi_0(-h L) v, phi_1(-h L) v, ...; None if they cannot be computed."""

_TOLERANCE = 1e-13  # of the products with phi_k(-h L), relative
_MOST, _DENSE = 60, 2000  # the most products with L for them; the particles up to which all eigenvalues of L are found instead
_MOST_OF_MANY = 600


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
    evaluations : int
        How often f has been computed.
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

    def push(self, x: Parts, time: float, fields: Mapping[str, AnyField] = FrozenMapping()) -> Parts:
        """f, per species."""
        self.evaluations += 1
        constant = self.problem.constant
        forces = self.forces if constant else self.forces.with_mobilities(self.problem.mobilities_at(time))
        pushed = forces.of_places(x, self.masses, time, fields)
        return [f / epsilon for f, epsilon in zip(pushed, self.epsilons, strict=True)]

    def fields_after(self, fields: Mapping[str, Any], h: float, before: Parts, after: Parts) -> dict[str, Any]:
        """The fields after a time h in which the particles go from places to places."""
        return self.forces.fields_after(fields, h, self.masses, before, after)

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
        that is weighted by m epsilon: in this norm L is symmetric if psi is the same both ways. If the rates are so uneven that
        the space gets large, all eigenvalues of L are computed, for up to 2000 particles.
        """
        if not self.forces.pulls:
            numbers = phi(count, h * self.rates)
            return lambda v: [[c * part for c, part in zip(row, v, strict=True)] for row in numbers]
        roots = [np.sqrt(m * epsilon) for m, epsilon in zip(self.masses, self.epsilons, strict=True)]
        decomposed: list[tuple[Array, Array]] = []

        def joined(v: Parts) -> Array:
            return np.concatenate([(root * part.T).T.ravel() for root, part in zip(roots, v, strict=True)])

        def products(v: Parts) -> list[Parts] | None:
            ends = np.cumsum([part.size for part in v])[:-1]

            def parted(row: Array) -> Parts:
                parts = [piece.reshape(part.shape) for piece, part in zip(np.split(row, ends), v, strict=True)]
                return [(part.T / root).T for root, part in zip(roots, parts, strict=True)]

            def apply(row: Array) -> Array:
                return joined(drag(parted(row)))

            few = sum(map(len, self.masses)) <= _DENSE and self._symmetric
            rows = None if decomposed else krylov_phi(apply, joined(v), h, count, _TOLERANCE, _MOST if few else _MOST_OF_MANY)
            if rows is None and few:
                if not decomposed:
                    decomposed.append(self._eigenvalues(drag, roots))
                rows = _from_eigenvalues(*decomposed[0], joined(v), h, count)
            return None if rows is None else [parted(row) for row in rows]

        return products

    @property
    def _symmetric(self) -> bool:
        """True if every species aligns with another as that one with it."""
        pairs = set(self.forces.pulls)
        return all(pull._replace(a=pull.b, b=pull.a) in pairs for pull in pairs)

    def _eigenvalues(self, drag: Callable[[Parts], Parts], roots: Parts) -> tuple[Array, Array]:
        """The eigenvalues of L and its eigenvectors, in the weighted norm."""
        count = sum(map(len, roots))
        unit = np.split(np.eye(count) / np.concatenate(roots)[:, None], np.cumsum([len(r) for r in roots])[:-1])
        matrix = np.concatenate([root[:, None] * part for root, part in zip(roots, drag(unit), strict=True)])
        eigenvalues, vectors = np.linalg.eigh((matrix + matrix.T) / 2)
        return eigenvalues, vectors


def _from_eigenvalues(eigenvalues: Array, vectors: Array, v: Array, h: float, count: int) -> Array:
    """phi_0(-h L) v, ... for all components of the velocities."""
    columns = vectors.T @ v.reshape(len(eigenvalues), -1)
    return np.stack([(vectors @ (row[:, None] * columns)).ravel() for row in phi(count, h * eigenvalues)])
