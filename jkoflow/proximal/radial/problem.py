"""The step on shells as a problem in the volumes that their radii enclose: value, gradient, second derivatives."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..._typing import Array, Indices
from ...kernels.sums import GAUSS_POINTS, GAUSS_WEIGHTS
from ...laws import Entry
from ...laws.forms import External, FieldCoupling
from ...measures import EnclosedCharge, RadialQuantiles, Species, unit_ball
from ..base import ProximalStep
from ..line.cell_laws import CellLaw, cell_laws
from ..line.derivatives import PointLaw

_LEFT, _RIGHT = 1 - GAUSS_POINTS, GAUSS_POINTS
Entries = tuple[Indices, Indices, Array]


@dataclass
class RadialModel:
    """The objective about a point: second derivatives as entries (row, column, value)."""

    value: float
    gradient: Array
    entries: list[Entries] = field(default_factory=list)

    def add_shells(self, start: int, ends: tuple[Array, Array], second: tuple[Array, Array, Array]) -> None:
        """Add by shell the derivatives in its inner and outer node, and the second ones."""
        n = len(ends[0])
        inner, outer = start + np.arange(n), start + 1 + np.arange(n)
        self.gradient[inner] += ends[0]
        self.gradient[outer] += ends[1]
        self.entries += [(inner, inner, second[0]), (inner, outer, second[1]), (outer, inner, second[1])]
        self.entries.append((outer, outer, second[2]))

    def matrix(self) -> Any:
        """The second derivatives, sparse."""
        from scipy.sparse import csc_matrix

        rows, columns, values = (np.concatenate(parts) for parts in zip(*self.entries, strict=True))
        return csc_matrix((values, (rows, columns)), shape=(len(self.gradient),) * 2)


class RadialProblem:
    """minimise over y = r^d  sum_i w_i mean |R_i - R_i'|^2 / (2 tau alpha) + E, the radii of every species increasing."""

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
        counts = [len(step.anchor[name].nodes) for name in self.names]
        self.starts = dict(zip(self.names, np.cumsum([0, *counts[:-1]]).tolist(), strict=True))
        self.start = np.concatenate([step.anchor[name].nodes ** self.dim for name in self.names])
        self.fixed = np.concatenate(
            [(np.arange(n) == 0) & (step.anchor[name].nodes[0] == 0) for name, n in zip(self.names, counts, strict=True)]
        )

    def innermost(self) -> Indices:
        """The places of the first node of every species."""
        return np.array(list(self.starts.values()))

    def part(self, name: str) -> slice:
        """Where the nodes of a species stand."""
        start = self.starts[name]
        return slice(start, start + len(self.step.anchor[name].nodes))

    def state(self, y: Array) -> Species:
        """The measures with the nodes y^(1/d)."""
        return self.step.anchor.like({name: y[self.part(name)] ** (1 / self.dim) for name in self.names})

    def length(self, y: Array, p: Array) -> float:
        """The change p of the nodes as one of radii, root mean square over the mass, the largest over the species."""
        found = 0.0
        for name in self.names:
            own = y[self.part(name)]
            radii = np.maximum(own + p[self.part(name)], 0.0) ** (1 / self.dim) - own ** (1 / self.dim)
            w = self.step.anchor[name].masses
            found = max(found, float(np.sqrt(w @ (radii[1:] ** 2 + radii[:-1] ** 2) / (2 * w.sum()))))
        return found

    def admits(self, y: Array) -> bool:
        """Whether all shells have a volume."""
        return all(y[self.part(name)][0] >= 0 and np.all(np.diff(y[self.part(name)]) > 0) for name in self.names)

    def evaluate(self, y: Array, *, convexified: bool = False) -> RadialModel:
        """The model about y; ``convexified`` without what may be concave in the second derivatives."""
        model = RadialModel(0.0, np.zeros_like(y))
        for name in self.names:
            self._of_species(name, y[self.part(name)], model, convexified)
        for c, coupling in self.couplings:
            self._coupled(c / coupling.permittivity, coupling, y, model, convexified)
        return model

    def _of_species(self, name: str, y: Array, model: RadialModel, convexified: bool) -> None:
        anchor: RadialQuantiles = self.step.anchor[name]
        w, h = anchor.masses, np.diff(y)
        for law in self.cells[name]:
            value, first, second = law(w, self.ball * h)
            first, second = self.ball * first, self.ball**2 * second
            model.value += float(value.sum())
            model.add_shells(self.starts[name], (-first, first), (second, -second, second))
        at = y[:-1, None] + h[:, None] * GAUSS_POINTS
        before = anchor.nodes[:-1, None] ** self.dim + np.diff(anchor.nodes**self.dim)[:, None] * GAUSS_POINTS
        p = 1 / self.dim
        radius, weight = at**p, 1 / self.step.weight(name)
        slope, bend = p * radius / at, p * (p - 1) * radius / at**2
        apart = radius - before**p
        value, first, second = weight * apart**2 / 2, weight * apart, np.full_like(apart, weight)
        for point in self.points[name]:
            parts = point(radius.ravel(), float(anchor.nodes[-1]))
            v, f, q = (one.reshape(radius.shape) for one in parts)
            value, first, second = value + v, first + f, second + q
        curvature = second * slope**2 + first * bend
        if convexified:
            curvature = np.maximum(curvature, weight * slope**2)
        m = w[:, None] * GAUSS_WEIGHTS
        model.value += float(np.sum(m * value))
        f, q = m * first * slope, m * curvature
        ends = (f @ _LEFT, f @ _RIGHT)
        model.add_shells(self.starts[name], ends, (q @ _LEFT**2, q @ (_LEFT * _RIGHT), q @ _RIGHT**2))

    def _coupled(self, c: float, coupling: FieldCoupling, y: Array, model: RadialModel, convexified: bool) -> None:
        """c/2 int Q^2 / (|S| r^(d-1)) dr, by intervals in which every species has one density.

        With M = m + w (x - L) / h in the shell (L, L + h): dM/dL = -w (R - x) / h^2, dM/dR = -w (x - L) / h^2.
        """
        state = self.state(y)
        enclosed = EnclosedCharge(state, coupling.charges)
        model.value += c * enclosed.energy
        x = enclosed.radii**self.dim
        field = c * enclosed.charge * enclosed.weights
        hats = []
        for name in self.names:
            z, own = coupling.charges[name], y[self.part(name)]
            shell = enclosed.shell_of(name)
            within = (shell >= 0) & (shell < len(own) - 1)
            shell = shell[within]
            low, high = own[shell, None], own[shell + 1, None]
            h, w = high - low, z * state[name].masses[shell, None]
            inner, outer = -w * (high - x[within]) / h**2, -w * (x[within] - low) / h**2
            nodes = self.starts[name] + shell
            hats.append((within, nodes, inner, outer))
            f = field[within]
            np.add.at(model.gradient, nodes, np.sum(f * inner, axis=1))
            np.add.at(model.gradient, nodes + 1, np.sum(f * outer, axis=1))
            if not convexified:
                second = (2 * inner / h, w / h**2 * (2 * (high - x[within]) / h - 1), -2 * outer / h)
                ll, lr, rr = (np.sum(f * one, axis=1) for one in second)
                model.entries += [(nodes, nodes, ll), (nodes, nodes + 1, lr), (nodes + 1, nodes, lr)]
                model.entries.append((nodes + 1, nodes + 1, rr))
                model.entries.append(self._edges(c, z, name, y, enclosed))
        weights = c * enclosed.weights
        for within_a, nodes_a, *hats_a in hats:
            for within_b, nodes_b, *hats_b in hats:
                both = within_a & within_b
                in_a, in_b = both[within_a], both[within_b]
                for i, one in enumerate(hats_a):
                    for j, two in enumerate(hats_b):
                        products = np.sum(weights[both] * one[in_a] * two[in_b], axis=1)
                        model.entries.append((nodes_a[in_a] + i, nodes_b[in_b] + j, products))

    def _edges(self, c: float, z: float, name: str, y: Array, enclosed: EnclosedCharge) -> Entries:
        """What the jump of the density at a node adds, where the intervals on its two sides end."""
        own = y[self.part(name)]
        densities = np.concatenate([[0.0], self.step.anchor[name].masses / np.diff(own), [0.0]])
        radii = own ** (1 / self.dim)
        charge = enclosed.within(radii)
        with np.errstate(divide="ignore", invalid="ignore"):
            per_volume = radii ** (2.0 - 2 * self.dim) / (self.dim * enclosed.sphere)
            jump = np.where(own > 0, c * z * charge * per_volume * np.diff(densities), 0.0)
        nodes = self.starts[name] + np.arange(len(own))
        return nodes, nodes, jump


def _of_the_radius(entry: Entry[External]) -> PointLaw:
    """A potential of the radius, continued evenly below 0, where differences at the centre reach."""
    form = entry.form
    if not callable(form.V):
        raise ValueError(f"V must be a function of the radius on RadialQuantiles, got an array of shape {form.V.shape}")
    V, slope = form.V, form.gradient
    odd = None if slope is None else (lambda r: np.sign(r) * slope(np.abs(r)))
    return PointLaw(lambda r: V(np.abs(r)), entry.factor, odd)
