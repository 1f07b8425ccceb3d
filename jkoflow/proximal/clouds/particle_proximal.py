"""The exact JKO step of point masses in R^d."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ..._status import Status
from ..._typing import Array, Indices
from ...laws.forms import External, Form, Pair
from ...measures import Measure, Particles, Species
from ..base import IterativeSolver, ProximalStep, ProxResult
from .problem import CloudProblem, Model

_BLURS = 0.1 ** np.arange(1, 10)  # of the extent
_NEAR = (1e3, 1e2, 1e4, 1e1)  # last blurs within which atoms may have come together
_ROUGH = 1e-6  # of the extent, on the way
_DECREASE, _SHORTEST = 1e-4, 1e-12
_ROUNDINGS = 64  # of the coordinates, below which no residual is asked to fall
_SAME_PLACE = 1e-13  # of the extent
_FIRST_TRY = 12  # iterations, before kernels are rounded off
_BALANCINGS = 100  # of the forces within groups


@dataclass(frozen=True)
class ParticleProximal(IterativeSolver):
    """The JKO step of atoms of fixed masses: implicit Euler in the mass-weighted metric.

        minimise over x   sum_i m_i |x_i - y_i|^2 / (2 tau alpha_i) + E(x),

    of all species jointly, in any dimension. So collapse in finite time is computed, not stepped over, at any tau.

    Newton's method with a line search. Kernels that bring atoms together in finite time (PowerLaw(p) for p < 2, Morse) are
    rounded off, less and less; atoms that end up next to one another are then put at one place, and the forces that the last
    rounding needed between them are the certificate that their tips can hold them.

    Parameters
    ----------
    tolerance : float
        The step is solved when ``residual`` falls below this share of the extent.
    max_iterations : int
        Of Newton's method, in all.

    Notes
    -----
    Accepts Potential (of functions), Interaction and CrossInteraction, in any sum; Drifts once frozen. Atoms do not feel
    internal energies. For tau below 1 / |lambda| of a lambda-convex energy the answer is the minimiser, which splits no atom
    (docs/theory/two-species.md, section 2.3); otherwise it is a critical point. A repulsive tip leaves atoms of one
    place together.

    ``residual`` is a length: the product distance by which the force that is left would move the atoms against their
    inertia; for a convex energy the error is no larger. ``potentials`` are NaN: for atoms that move one to one they are not
    determined.

    Cost: O((N d)^3) for each of some 5 to 50 iterations, and (N d)^2 numbers: a second for a thousand unknowns.

    Source: Di Francesco and Fagioli (2013), appendix B; docs/theory/two-species.md, section 2.3;
    docs/theory/coincidences.md, section 7.

    >>> import jkoflow as jf
    >>> pair = jf.Species.of(jf.Particles([[0.0, 0.0], [1.0, 0.0]]))
    >>> step = jf.ProximalStep(jf.Interaction(jf.PowerLaw(1)), pair, tau=0.5)        # the distance shrinks by tau
    >>> ParticleProximal().solve(step).state[""].points.round(6)
    array([[0.25, 0.  ],
           [0.75, 0.  ]])
    """

    tolerance: float = 1e-8
    max_iterations: int = 500
    solves: ClassVar[str] = "the exact step among atoms of the anchor's masses"
    measures: ClassVar[tuple[type[Measure], ...]] = (Particles,)
    takes: ClassVar[tuple[type[Form], ...]] = (External, Pair)

    def check(self, step: ProximalStep) -> None:
        self._problem(step)

    def _problem(self, step: ProximalStep) -> CloudProblem:
        self.must_take(step)
        return CloudProblem(step)

    def solve(self, step: ProximalStep) -> ProxResult:
        problem = self._problem(step)
        run = _Newton(problem, self.tolerance, self.max_iterations)
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):  # the status tells
            x, status, residual = run.solved()
        anchor = step.anchor.items()
        state = {
            name: Particles(x[atoms].reshape(before.points.shape), before.masses)
            for (name, before), atoms in zip(anchor, problem.species, strict=True)
        }
        distances = {name: state[name].moved_from(before) for name, before in anchor}
        unknown = {name: np.full(len(before.masses), np.nan) for name, before in anchor}
        return ProxResult(Species(state), distances, unknown, status, run.iterations, residual)


class _Newton:
    """Newton's method on one step."""

    def __init__(self, problem: CloudProblem, tolerance: float, most: int) -> None:
        self.problem, self.most, self.iterations = problem, most, 0
        nodes = problem.nodes(problem.start)
        self.extent = float(np.ptp(nodes, axis=0).max())
        if self.extent == 0:
            self.extent = float(np.abs(problem.model(problem.start).gradient / problem.inertia[:, None]).max())
        weight, spacing = float(np.sqrt(problem.metric.sum())), float(np.spacing(np.abs(nodes).max()))
        self.tolerance = max(tolerance * self.extent, _ROUNDINGS * spacing) * weight
        self.least = spacing * weight  # no correction can be told from less

    def solved(self) -> tuple[Array, Status, float]:
        """Where it ends, the status and the residual."""
        problem, x = self.problem, self.problem.start
        each = np.arange(len(problem.nodes(x)))
        if not np.isfinite(self.extent):
            return x, Status.NOT_FINITE, np.inf
        if self.extent == 0:
            return x, Status.CONVERGED, 0.0
        if not problem.steep:
            x = self._minimised(x, 0.0, each, 1e-3 * self.tolerance)
            return self._judged(x, self._residual(x, x, 0.0, 0.0, each))
        at_once = self._as_they_are()
        if at_once is not None:
            return at_once
        blurs = _BLURS * self.extent
        for blur in blurs:
            x = self._minimised(x, blur, each, max(1e-2 * self.tolerance, _ROUGH * min(self.extent, blur)))
        best = (x, np.inf)
        for near in _NEAR:
            groups = self._together(x, near * blurs[-1])
            polished = self._minimised(self._at_centres(x, groups), 0.0, groups, 1e-2 * self.tolerance)
            residual = self._residual(polished, x, blurs[-1], near * blurs[-1], groups)
            if residual < best[1]:
                best = (polished, residual)
            if residual <= self.tolerance:
                break
        return self._judged(*best)

    def _as_they_are(self) -> tuple[Array, Status, float] | None:
        """The answer if no atoms come together in the step and none that are part, else None."""
        start = self.problem.start
        groups = self._together(start, _SAME_PLACE * self.extent)
        x = self._minimised(self._at_centres(start, groups), 0.0, groups, 1e-3 * self.tolerance, _FIRST_TRY)
        residual = self._residual(x, start, _SAME_PLACE * self.extent, _SAME_PLACE * self.extent, groups)
        return self._judged(x, residual) if residual <= self.tolerance else None

    def _judged(self, x: Array, residual: float) -> tuple[Array, Status, float]:
        if not np.isfinite(residual) or not np.isfinite(x).all():
            return self.problem.start, Status.NOT_FINITE, residual
        if residual <= self.tolerance:
            return x, Status.CONVERGED, residual
        return x, Status.ITERATION_LIMIT if self.iterations >= self.most else Status.STALLED, residual

    def _together(self, x: Array, near: float) -> Indices:
        """The number of the group of every node: those that hold one another, within a distance."""
        from scipy.sparse import csr_array
        from scipy.sparse.csgraph import connected_components

        return connected_components(csr_array(self.problem.held(self.problem.nodes(x), near)), directed=False)[1]

    def _at_centres(self, x: Array, groups: Indices) -> Array:
        """Every free atom at the centre of its group, or where a fixed one of it is."""
        n, count = len(x), int(groups.max()) + 1
        centres, weights = np.zeros((count, x.shape[1])), np.bincount(groups[:n], self.problem.inertia, minlength=count)
        np.add.at(centres, groups[:n], self.problem.inertia[:, None] * x)
        centres /= np.where(weights > 0, weights, 1.0)[:, None]
        centres[groups[n:]] = self.problem.fixed
        return centres[groups[:n]]

    def _minimised(self, x: Array, blur: float, groups: Indices, tolerance: float, most: int | None = None) -> Array:
        """Newton's method from x for groups of nodes that move as one, until the correction is within the tolerance."""
        n = len(x)
        held = np.isin(groups[:n], groups[n:])  # together with a fixed one
        names, own = np.unique(groups[:n][~held], return_inverse=True)
        if len(names) == 0:
            return x
        gather = np.zeros((len(names), n))
        gather[own, np.flatnonzero(~held)] = 1.0
        cautious = False
        last = self.most if most is None else min(self.most, self.iterations + most)
        while self.iterations < last:
            self.iterations += 1
            step = self._step(x, blur, gather, cautious)
            if step is None:
                break
            p, model = step
            slope = float((model.gradient * p).sum())
            share = 1.0
            noise = 1e-14 * abs(model.value)
            while share > _SHORTEST and not (
                self.problem.value(x + share * p, blur) <= model.value + _DECREASE * share * slope + noise
            ):
                share /= 2
            if share <= _SHORTEST:
                break
            cautious = share < 1e-2
            x = x + share * p
            if self.problem.length(share * p) <= max(tolerance, self.least) and share == 1:
                break
        return x

    def _step(self, x: Array, blur: float, gather: Array, cautious: bool) -> tuple[Array, Model] | None:
        """Newton's step, of the convex part of the model where the whole is not convex."""
        from scipy.linalg import LinAlgError, cho_factor, cho_solve

        d = x.shape[1]
        for convexified in (True,) if cautious else (False, True):
            model = self.problem.model(x, blur, convexified=convexified)
            if not (np.isfinite(model.value) and np.isfinite(model.gradient).all() and np.isfinite(model.hessian).all()):
                return None
            right = gather @ model.gradient
            matrix = np.einsum("gi,ikjl,hj->gkhl", gather, model.hessian, gather, optimize=True)
            size = len(gather) * d
            try:
                factor = cho_factor(matrix.reshape(size, size))
            except LinAlgError:
                continue
            return gather.T @ cho_solve(factor, -right.ravel()).reshape(-1, d), model
        return None

    def _residual(self, x: Array, rounded: Array, blur: float, within: float, groups: Indices) -> float:
        """The product distance by which the force that is left would move the atoms against their inertia.

        Between those of one group it is what the rounded problem needed, brought into balance by going back and forth between
        the forces that do balance and those that the tips can give.
        """
        problem, n = self.problem, len(x)
        left = problem.model(x).gradient
        if blur == 0:
            return problem.length(left / problem.inertia[:, None])
        forces, strengths = problem.ties(rounded, blur, within, groups)
        squares = strengths**2
        laplacian = (np.diag(squares.sum(axis=1)) - squares)[:n, :n]  # fixed nodes bear what they get
        tied = np.flatnonzero(squares[:n].any(axis=1))
        inverse = np.linalg.pinv(laplacian[np.ix_(tied, tied)], hermitian=True)
        best = np.inf
        for _ in range(_BALANCINGS):
            sizes = np.linalg.norm(forces, axis=-1)
            forces = forces * np.minimum(1.0, strengths / np.where(sizes > 0, sizes, 1.0))[..., None]
            unbalanced = left + forces[:n].sum(axis=1)
            best = min(best, problem.length(unbalanced / problem.inertia[:, None]))
            if best <= 1e-3 * self.tolerance:
                break
            shares = np.zeros((len(forces), x.shape[1]))
            shares[tied] = inverse @ unbalanced[tied]
            forces = forces - squares[..., None] * (shares[:, None] - shares)
        return best
