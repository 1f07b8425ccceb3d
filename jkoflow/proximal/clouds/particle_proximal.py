"""The exact JKO step of point masses in R^d."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np

from ..._log import log_iteration
from ..._status import Status
from ..._typing import Array, Indices
from ...laws.forms import External, Form, Pair
from ...measures import Measure, Particles, Species
from ..base import IterativeSolver, ProximalStep, ProxResult
from ..verification import checked
from .many_atoms import ManyAtoms
from .problem import CloudProblem, Model

_BLURS = 0.1 ** np.arange(1, 10)  # shares of the extent: the lengths by which kernels are rounded off, one after the other
_NEAR = (1e3, 1e2, 1e4, 1e1)  # last blurs: distances within which atoms are put at one place, in the order of the trials
_ROUGH = 1e-6  # share of the extent: the tolerance on the way
_DECREASE, _SHORTEST = 1e-4, 1e-12  # share of the descent that the slope promises; the shortest share of a step
_ROUNDINGS = 64  # roundings of the coordinates: the residual need not fall below
_SAME_PLACE = 1e-13  # share of the extent: atoms nearer than that are at one place
_FIRST_TRY = 12  # iterations before tables of pairs and rounded kernels are taken
_MANY, _MOST = 100, 2000  # coordinates from which on sums over pairs come first, and up to which tables of pairs come after
_BALANCINGS = 100  # the most rounds in which the forces within groups are balanced


@dataclass(frozen=True)
class ParticleProximal(IterativeSolver):
    """The JKO step of atoms of fixed masses: implicit Euler in the mass-weighted metric.

        minimise over x   sum_i m_i |x_i - y_i|^2 / (2 tau alpha_i) + E(x)

    The minimum is over the atoms of all species jointly, in any dimension. So collapse in finite time is computed, not stepped
    over, at any tau.

    It is solved by Newton's method with a line search. From 50 atoms in the plane on its steps are found by conjugate gradients
    with sums over pairs. Where that does not arrive, they are found with the matrix of second derivatives.

    Kernels that bring atoms together in finite time (PowerLaw(p) for p < 2, Morse) are treated in three stages if atoms meet:

    1. They are rounded off, less and less.
    2. Atoms that end up next to one another are put at one place.
    3. The forces that the last rounding needed between these atoms certify that their tips can hold them.

    Parameters
    ----------
    tolerance : float
        The step is solved when ``residual`` is below ``tolerance`` times the extent of the atoms.
    max_iterations : int
        Of Newton's method, by sums over pairs, and again with matrices, all stages together.

    Notes
    -----
    **Accepts** any sum of Potential (given by functions), Interaction and CrossInteraction, and Drifts once they are frozen.
    Atoms do not feel internal energies.

    **Answer.** If the energy is lambda-convex and tau is below 1 / |lambda|, the answer is the minimiser, which splits no atom
    (docs/theory/two-species.md, section 2.3). Otherwise it is a critical point. A repulsive tip leaves atoms of one
    place together.

    ``residual`` is a length: the product distance by which the remaining force would move the atoms against their inertia. For
    a convex energy the error is no larger.

    ``potentials`` are NaN: for atoms that move one to one they are not determined.

    **Cost** of each of some 5 iterations: 10 to 50 sums of gradients over pairs, and O(N d^2) numbers. So a step takes O(N)
    with potentials alone and with the Gaussian by waves, and O(N^2) with other kernels. If atoms meet it takes O((N d)^3) for
    each of some 50 iterations, and (N d)^2 numbers: a thousand unknowns take seconds.

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

    def prepare(self, step: ProximalStep) -> CloudProblem:
        self.must_take(step)
        return CloudProblem(step)

    def solve(self, step: ProximalStep) -> ProxResult:
        problem: CloudProblem = self.prepared(step)
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
        return checked(step, ProxResult(Species(state), distances, unknown, status, run.iterations, residual))


class _End(NamedTuple):
    """Where Newton's method ended."""

    x: Array
    status: Status
    residual: float


class _Newton:
    """Newton's method on one step.

    Attributes
    ----------
    iterations : int
        How many there have been.
    extent : float
        The extent of the nodes, a length. If they are at one place, it is the way on which the forces would send them.
    tolerance : float
        The product distance that the residual must fall below.
    least : float
        The product distance below which corrections are rounding.
    """

    def __init__(self, problem: CloudProblem, tolerance: float, most: int) -> None:
        self.problem, self.most, self.iterations = problem, most, 0
        self.sums = ManyAtoms(problem)
        nodes = problem.nodes(problem.start)
        self.extent = float(np.ptp(nodes, axis=0).max())
        if self.extent == 0:
            self.extent = float(np.abs(self.sums.gradient(problem.start) / problem.inertia[:, None]).max())
        weight, spacing = float(np.sqrt(problem.metric.sum())), float(np.spacing(np.abs(nodes).max()))
        self.tolerance = max(tolerance * self.extent, _ROUNDINGS * spacing) * weight
        self.least = spacing * weight

    def solved(self) -> _End:
        """The end, from the places of the anchor."""
        problem, x = self.problem, self.problem.start
        each = np.arange(len(problem.nodes(x)))
        if not np.isfinite(self.extent):
            return _End(x, Status.NOT_FINITE, np.inf)
        if self.extent == 0:
            return _End(x, Status.CONVERGED, 0.0)
        if x.size > _MANY and (not problem.steep or self._all_apart()):
            most = min(self.most, _FIRST_TRY) if problem.steep else self.most
            x, self.iterations = self.sums.minimised(x, 1e-3 * self.tolerance, most)
            end = self._judged(x, self.sums.residual(x))
            if end.status.ok or (x.size > _MOST and not problem.steep):
                return end
            x, self.most = problem.start, self.most + self.iterations
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
            groups = self._grouped(x, near * blurs[-1])
            polished = self._minimised(self._at_centres(x, groups), 0.0, groups, 1e-2 * self.tolerance)
            residual = self._residual(polished, x, blurs[-1], near * blurs[-1], groups)
            if residual < best[1]:
                best = (polished, residual)
            if residual <= self.tolerance:
                break
        return self._judged(*best)

    def _all_apart(self) -> bool:
        """Return True if no two nodes are at one place."""
        from scipy.spatial import cKDTree

        return not cKDTree(self.problem.nodes(self.problem.start)).query_pairs(_SAME_PLACE * self.extent)

    def _as_they_are(self) -> _End | None:
        """The end if no atoms come together in the step and none at one place part; else None."""
        start = self.problem.start
        groups = self._grouped(start, _SAME_PLACE * self.extent)
        x = self._minimised(self._at_centres(start, groups), 0.0, groups, 1e-3 * self.tolerance, _FIRST_TRY)
        residual = self._residual(x, start, _SAME_PLACE * self.extent, _SAME_PLACE * self.extent, groups)
        return self._judged(x, residual) if residual <= self.tolerance else None

    def _judged(self, x: Array, residual: float) -> _End:
        """The places x with the status that the residual gives them; the places of the anchor if x is not finite."""
        if not np.isfinite(residual) or not np.isfinite(x).all():
            return _End(self.problem.start, Status.NOT_FINITE, residual)
        if residual <= self.tolerance:
            return _End(x, Status.CONVERGED, residual)
        return _End(x, Status.ITERATION_LIMIT if self.iterations >= self.most else Status.STALLED, residual)

    def _grouped(self, x: Array, near: float) -> Indices:
        """The number of the group of every node: what steep attractive kernels link over distances up to ``near``."""
        from scipy.sparse import csr_array
        from scipy.sparse.csgraph import connected_components

        return connected_components(csr_array(self.problem.links(self.problem.nodes(x), near)), directed=False)[1]

    def _at_centres(self, x: Array, groups: Indices) -> Array:
        """The places x with every free atom put to the centre of its group, or to a fixed node of its group."""
        n, count = len(x), int(groups.max()) + 1
        centres, weights = np.zeros((count, x.shape[1])), np.bincount(groups[:n], self.problem.inertia, minlength=count)
        np.add.at(centres, groups[:n], self.problem.inertia[:, None] * x)
        centres /= np.where(weights > 0, weights, 1.0)[:, None]
        centres[groups[n:]] = self.problem.fixed
        return centres[groups[:n]]

    def _minimised(self, x: Array, blur: float, groups: Indices, tolerance: float, most: int | None = None) -> Array:
        """Return the minimiser over groups of nodes that move as one, by Newton's method from x.

        Kernels are rounded off by ``blur``. It ends when the correction is below ``tolerance``, a product distance, after
        ``most`` iterations, or when the line search finds nothing lower. Groups with a fixed node stay.
        """
        n = len(x)
        with_fixed = np.isin(groups[:n], groups[n:])  # in a group with a fixed node
        moving_groups, unknown = np.unique(groups[:n][~with_fixed], return_inverse=True)
        if len(moving_groups) == 0:
            return x
        gather = np.zeros((len(moving_groups), n))
        gather[unknown, np.flatnonzero(~with_fixed)] = 1.0
        cautious = False
        last = self.most if most is None else min(self.most, self.iterations + most)
        while self.iterations < last:
            self.iterations += 1
            step = self._step(x, blur, gather, cautious)
            if step is None:
                break
            p, model = step
            slope = float((model.gradient * p).sum())
            log_iteration("ParticleProximal", self.iterations, self.problem.length(p))
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
        """Return Newton's step for the groups, and the model; None if there is none.

        It is the step of the convex part of the model if the model is not convex, or ``cautious`` is true. ``gather`` sums over
        the nodes of every group.
        """
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
        """Return the product distance by which the remaining force would move the atoms x against their inertia.

        Atoms of one group also feel the forces between them. These start as the forces at ``rounded``, where the kernels were
        rounded off by ``blur``. They are brought into balance by turns: cut to what the tips can give ``within`` a distance,
        then corrected so that they balance the remaining force.
        """
        problem, n = self.problem, len(x)
        remaining = problem.model(x).gradient
        if blur == 0:
            return problem.length(remaining / problem.inertia[:, None])
        forces, strengths = problem.ties(rounded, blur, within, groups)
        squares = strengths**2
        laplacian = (np.diag(squares.sum(axis=1)) - squares)[:n, :n]  # fixed nodes bear what they get
        tied = np.flatnonzero(squares[:n].any(axis=1))
        inverse = np.linalg.pinv(laplacian[np.ix_(tied, tied)], hermitian=True)
        best = np.inf
        for _ in range(_BALANCINGS):
            sizes = np.linalg.norm(forces, axis=-1)
            forces = forces * np.minimum(1.0, strengths / np.where(sizes > 0, sizes, 1.0))[..., None]
            unbalanced = remaining + forces[:n].sum(axis=1)
            best = min(best, problem.length(unbalanced / problem.inertia[:, None]))
            if best <= 1e-3 * self.tolerance:
                break
            shares = np.zeros((len(forces), x.shape[1]))
            shares[tied] = inverse @ unbalanced[tied]
            forces = forces - squares[..., None] * (shares[:, None] - shares)
        return best
