"""The step on shells as a problem in y = r^d: value, gradient and second derivatives of its objective."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..._typing import Array, Indices
from ...kernels.sums import GAUSS_POINTS, GAUSS_WEIGHTS
from ...laws import Entry
from ...laws.forms import External, FieldCoupling
from ...measures import EnclosedCharge, RadialQuantiles, ShellPairs, Species, unit_ball
from ..base import ProximalStep
from ..line.cells import CellLaw, cell_laws
from ..line.derivatives import PointLaw

_LEFT, _RIGHT = 1 - GAUSS_POINTS, GAUSS_POINTS
Entries = tuple[Indices, Indices, Array]


@dataclass
class RadialModel:
    """The objective about a point to second order. ``entries`` are the second derivatives, as (rows, columns, values).

    ``size`` is the sum of the sizes of the terms of the value, which tells its rounding.
    """

    value: float
    gradient: Array
    entries: list[Entries] = field(default_factory=list)
    size: float = 0.0

    def add_value(self, parts: Array | float) -> None:
        """Add the sum of ``parts`` to the value."""
        self.value += float(np.sum(parts))
        self.size += float(np.sum(np.abs(parts)))

    def add_shells(self, start: int, ends: tuple[Array, Array], second: tuple[Array, Array, Array]) -> None:
        """Add the derivatives of functions of single shells, an array entry per shell, whose nodes begin at ``start``.

        ``ends`` are the derivatives in the inner and the outer node. ``second`` are the second derivatives: inner-inner,
        inner-outer, outer-outer.
        """
        n = len(ends[0])
        inner, outer = start + np.arange(n), start + 1 + np.arange(n)
        self.gradient[inner] += ends[0]
        self.gradient[outer] += ends[1]
        self.entries += [(inner, inner, second[0]), (inner, outer, second[1]), (outer, inner, second[1])]
        self.entries.append((outer, outer, second[2]))

    def matrix(self) -> Any:
        """The second derivatives as a sparse matrix."""
        from scipy.sparse import csc_matrix

        rows, columns, values = (np.concatenate(parts) for parts in zip(*self.entries, strict=True))
        return csc_matrix((values, (rows, columns)), shape=(len(self.gradient),) * 2)


class RadialProblem:
    """The step of spherically symmetric measures as a problem in the nodes y = r^d of all species.

        minimise over y   sum over shells w mean |R - R'|^2 / (2 tau alpha) + E,    the nodes of every species increasing

    Here w is the mass of a shell, and R and R' are its radii and those of the anchor at equal masses enclosed. The nodes of all
    species stand one after the other in one vector of n numbers.

    Attributes
    ----------
    start : array (n,)
        The nodes of the anchor.
    starts : dict of int
        By species, where its nodes begin.
    fixed : mask (n,)
        The first nodes of species that fill the ball: they stay at 0.
    cells, points : dict of lists
        Internal energies and potentials by species.
    couplings : list of (c, FieldCoupling)
    pairs : dict of lists
        The interactions of every species with itself, as (c, ShellPairs).
    """

    def __init__(self, step: ProximalStep) -> None:
        self.step, self.names = step, tuple(step.anchor)
        self.dim = step.anchor[self.names[0]].dim
        self.ball = unit_ball(self.dim)
        self.couplings = [(entry.non_negative(), entry.form) for entry in step.forms.couplings]
        self.cells: dict[str, list[CellLaw]] = {name: [] for name in self.names}
        self.points: dict[str, list[PointLaw]] = {name: [] for name in self.names}
        for internal in step.forms.internal:
            self.cells[internal.form.species] += cell_laws(internal)
        for external in step.forms.external:
            self.points[external.form.species].append(_of_the_radius(external))
        self.pairs: dict[str, list[tuple[float, ShellPairs]]] = {name: [] for name in self.names}
        for factor, form, term in step.forms.pairs:
            if not form.is_self:
                raise ValueError(
                    f"RadialNewton takes interactions of a species with itself, got {term!r}: take a Density on a grid"
                )
            shells = ShellPairs.of(form.kernel, self.dim, len(step.anchor[form.a].masses))
            self.pairs[form.a].append((factor, shells))
        counts = [len(step.anchor[name].nodes) for name in self.names]
        self.starts = dict(zip(self.names, np.cumsum([0, *counts[:-1]]).tolist(), strict=True))
        self.start = np.concatenate([step.anchor[name].nodes ** self.dim for name in self.names])
        self.fixed = np.concatenate(
            [(np.arange(n) == 0) & (step.anchor[name].nodes[0] == 0) for name, n in zip(self.names, counts, strict=True)]
        )

    def innermost(self) -> Indices:
        """The numbers of the innermost nodes of all species."""
        return np.array(list(self.starts.values()))

    def part(self, name: str) -> slice:
        """The nodes of a species in the vector of all nodes."""
        start = self.starts[name]
        return slice(start, start + len(self.step.anchor[name].nodes))

    def state(self, y: Array) -> Species:
        """The measures with the nodes y^(1/d)."""
        return self.step.anchor.like({name: y[self.part(name)] ** (1 / self.dim) for name in self.names})

    def length(self, y: Array, p: Array) -> float:
        """The change of the radii that the change p of the nodes makes, a length.

        It is the root mean square over the mass of a species, the largest over the species.
        """
        largest = 0.0
        for name in self.names:
            nodes = y[self.part(name)]
            radii = np.maximum(nodes + p[self.part(name)], 0.0) ** (1 / self.dim) - nodes ** (1 / self.dim)
            w = self.step.anchor[name].masses
            largest = max(largest, float(np.sqrt(w @ (radii[1:] ** 2 + radii[:-1] ** 2) / (2 * w.sum()))))
        return largest

    def admits(self, y: Array) -> bool:
        """True if all shells have a volume and, after rounding, a thickness."""
        parts = (y[self.part(name)] for name in self.names)
        return all(part[0] >= 0 and np.all(np.diff(part ** (1 / self.dim)) > 0) for part in parts)

    def evaluate(self, y: Array, *, convexified: bool = False) -> RadialModel:
        """The objective about y to second order. ``convexified`` leaves out of the second derivatives what may be concave."""
        model = RadialModel(0.0, np.zeros_like(y))
        for name in self.names:
            self._of_species(name, y[self.part(name)], model, convexified)
            for factor, shells in self.pairs[name]:
                self._paired(name, factor, shells, y[self.part(name)], model, convexified)
        for c, coupling in self.couplings:
            self._coupled(c / coupling.permittivity, coupling, y, model, convexified)
        return model

    def _of_species(self, name: str, y: Array, model: RadialModel, convexified: bool) -> None:
        """Add the inertia, the internal energies and the potentials of a species with the nodes y."""
        anchor: RadialQuantiles = self.step.anchor[name]
        w, h = anchor.masses, np.diff(y)
        for law in self.cells[name]:
            value, first, second = law(w, self.ball * h)
            first, second = self.ball * first, self.ball**2 * second
            model.add_value(value)
            model.add_shells(self.starts[name], (-first, first), (second, -second, second))
        at = y[:-1, None] + h[:, None] * GAUSS_POINTS
        before = anchor.nodes[:-1, None] ** self.dim + np.diff(anchor.nodes**self.dim)[:, None] * GAUSS_POINTS
        p = 1 / self.dim
        radius, weight = at**p, 1 / self.step.weight(name)
        slope, bend = p * radius / at, p * (p - 1) * radius / at**2
        apart = radius - before**p
        value, first, second = weight * apart**2 / 2, weight * apart, np.full_like(apart, weight)
        for point in self.points[name]:
            jet, _ = point(radius.ravel(), lambda: float(anchor.nodes[-1]))
            v, f, q = (derivative.reshape(radius.shape) for derivative in jet)
            value, first, second = value + v, first + f, second + q
        curvature = second * slope**2 + first * bend
        if convexified:
            curvature = np.maximum(curvature, weight * slope**2)
        m = w[:, None] * GAUSS_WEIGHTS
        model.add_value(m * value)
        f, q = m * first * slope, m * curvature
        ends = (f @ _LEFT, f @ _RIGHT)
        model.add_shells(self.starts[name], ends, (q @ _LEFT**2, q @ (_LEFT * _RIGHT), q @ _RIGHT**2))

    def _paired(self, name: str, factor: float, shells: ShellPairs, y: Array, model: RadialModel, convexified: bool) -> None:
        """Add the interaction of a species with the nodes y with itself, a quadrature over pairs of shells."""
        w, p, start = self.step.anchor[name].masses, 1 / self.dim, self.starts[name]
        for block, low, high, mean in shells.means(y**p):
            r, s = low**p, high**p
            slope_r, slope_s = p * r / low, p * s / high
            bend_r, bend_s = p * (p - 1) * r / low**2, p * (p - 1) * s / high**2
            same = 0.5 if block.inner[0] == block.outer[0] else 1.0
            weights = (factor * same * w[block.inner] * w[block.outer])[:, None] * block.weights
            model.add_value(weights * mean.value)
            first = weights * mean.r * slope_r, weights * mean.s * slope_s
            ends = (
                (0, start + block.inner, 1 - block.at_inner),
                (0, start + block.inner + 1, block.at_inner),
                (1, start + block.outer, 1 - block.at_outer),
                (1, start + block.outer + 1, block.at_outer),
            )
            for side, nodes, share in ends:
                np.add.at(model.gradient, nodes, first[side] @ share)
            if convexified:
                continue
            mixed = weights * mean.rs * slope_r * slope_s
            inner = weights * (mean.rr * slope_r**2 + mean.r * bend_r)
            outer = weights * (mean.ss * slope_s**2 + mean.s * bend_s)
            second = ((inner, mixed), (mixed, outer))
            for i, rows, share in ends:
                for j, columns, other in ends:
                    model.entries.append((rows, columns, second[i][j] @ (share * other)))

    def _coupled(self, c: float, coupling: FieldCoupling, y: Array, model: RadialModel, convexified: bool) -> None:
        """Add c/2 int Q^2 / (|S| r^(d-1)) dr, by intervals in which every species has one density.

        In a shell (L, R) of mass w and volume h = R - L the mass enclosed is M = m + w (x - L) / h. So
        dM/dL = -w (R - x) / h^2 and dM/dR = -w (x - L) / h^2. These are the entries of ``slopes``.
        """
        state = self.state(y)
        enclosed = EnclosedCharge(state, coupling.charges)
        model.add_value(c * enclosed.energy)
        x = enclosed.radii**self.dim
        field = c * enclosed.charge * enclosed.weights
        slopes = []
        for name in self.names:
            z, y_of_species = coupling.charges[name], y[self.part(name)]
            shell = enclosed.shell_of(name)
            within = (shell >= 0) & (shell < len(y_of_species) - 1)
            shell = shell[within]
            low, high = y_of_species[shell, None], y_of_species[shell + 1, None]
            h, w = high - low, z * state[name].masses[shell, None]
            inner, outer = -w * (high - x[within]) / h**2, -w * (x[within] - low) / h**2
            nodes = self.starts[name] + shell
            slopes.append((within, nodes, inner, outer))
            f = field[within]
            np.add.at(model.gradient, nodes, np.sum(f * inner, axis=1))
            np.add.at(model.gradient, nodes + 1, np.sum(f * outer, axis=1))
            if not convexified:
                second = (2 * inner / h, w / h**2 * (2 * (high - x[within]) / h - 1), -2 * outer / h)
                ll, lr, rr = (np.sum(f * part, axis=1) for part in second)
                model.entries += [(nodes, nodes, ll), (nodes, nodes + 1, lr), (nodes + 1, nodes, lr)]
                model.entries.append((nodes + 1, nodes + 1, rr))
                model.entries.append(self._edges(c, z, name, y, enclosed))
        weights = c * enclosed.weights
        for within_a, nodes_a, *slopes_a in slopes:
            for within_b, nodes_b, *slopes_b in slopes:
                both = within_a & within_b
                in_a, in_b = both[within_a], both[within_b]
                for i, slope_a in enumerate(slopes_a):
                    for j, slope_b in enumerate(slopes_b):
                        products = np.sum(weights[both] * slope_a[in_a] * slope_b[in_b], axis=1)
                        model.entries.append((nodes_a[in_a] + i, nodes_b[in_b] + j, products))

    def _edges(self, c: float, z: float, name: str, y: Array, enclosed: EnclosedCharge) -> Entries:
        """The second derivatives that the jumps of the density of a species at its nodes add, since the intervals end there."""
        y_of_species = y[self.part(name)]
        densities = np.concatenate([[0.0], self.step.anchor[name].masses / np.diff(y_of_species), [0.0]])
        radii = y_of_species ** (1 / self.dim)
        charge = enclosed.within(radii)
        with np.errstate(divide="ignore", invalid="ignore"):
            per_volume = radii ** (2.0 - 2 * self.dim) / (self.dim * enclosed.sphere)
            jump = np.where(y_of_species > 0, c * z * charge * per_volume * np.diff(densities), 0.0)
        nodes = self.starts[name] + np.arange(len(y_of_species))
        return nodes, nodes, jump


def _of_the_radius(entry: Entry[External]) -> PointLaw:
    """A potential of the radius, continued evenly below 0, since differences at the centre reach there.

    Raises ValueError for a potential that is an array.
    """
    form = entry.form
    if not callable(form.V):
        raise ValueError(f"V must be a function of the radius on RadialQuantiles, got an array of shape {form.V.shape}")
    V, slope = form.V, form.gradient
    odd = None if slope is None else (lambda r: np.sign(r) * slope(np.abs(r)))
    return PointLaw(lambda r: V(np.abs(r)), entry.factor, odd)
