"""The step on quantiles as a problem in the places of all nodes: its value, gradient and second derivatives."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property

import numpy as np

from ..._arrays import cumulated
from ..._typing import Array, Mask
from ...kernels.sums import LineKernel, at_gauss_points, over_gauss_points
from ...measures import Quantiles, Species
from ..base import ProximalStep
from .clusters import Tip
from .model import Chain, FarPart, Model, square
from .terms import LineTerms

_THINNEST = 1e-9  # of the extent: cells under a bound are not made thinner than that


class LineProblem:
    """minimise over the nodes  sum_i inertia_i/2 int |X_i - target_i|^2 ds + E(X), subject to gaps of at least ``floors``.

    Between the walls and the outermost nodes lie gaps as well: the walls are nodes of the vector that stay fixed.
    """

    def __init__(self, step: ProximalStep) -> None:
        self.step, self.terms = step, LineTerms.of(step.forms, step.anchor)
        self.blur = 0.0  # a length: tips act as if every species were spread over that much more
        self.chains: list[Chain] = []
        walls = step.anchor.domain
        start = 0
        positions, floors, barrier, fixed = [], [], [], []
        for name, anchor in step.anchor.items():
            weight, target = _target(step, name, anchor)
            held = anchor.masses > 0
            least = held * anchor.masses * self.terms.floors.get(name, 0.0)
            least[least > 0] = np.maximum(least[least > 0], _THINNEST * float(np.ptp(anchor.nodes)))
            singular = any(kernel.singular for kernel in self.terms.selves.get(name, []))
            open_below = held & (least == 0) & (name in self.terms.cells or singular)
            nodes, gaps, fences = _within_floors(anchor.nodes, least, walls), least, open_below
            if walls is not None:
                nodes = np.concatenate([[walls[0]], nodes, [walls[1]]])
                gaps, fences = np.pad(gaps, 1), np.pad(fences, 1)
            positions.append(nodes)
            floors.append(np.append(gaps, -np.inf))  # nothing holds one species to the next
            barrier.append(np.append(fences, False))
            fixed.append(np.zeros(len(nodes), dtype=bool))
            if walls is not None:
                fixed[-1][[0, -1]] = True
            first = start + (walls is not None)
            part = slice(first, first + len(anchor.nodes))
            inertia = weight / step.weight(name)
            self.chains.append(Chain(name, anchor.masses, part, target, inertia, step.mobilities[name]))
            start += len(nodes)
        self.start = np.concatenate(positions)
        self.floors = np.concatenate(floors)[:-1]
        self.barrier = np.concatenate(barrier)[:-1]
        self.fixed = np.concatenate(fixed)

    def evaluate(self, x: Array, *, convexified: bool = False) -> Model:
        """The model about x; ``convexified`` drops what is concave from the second derivatives, and is cautious about what is
        infinite at the origin.
        """
        n = len(x)
        model = Model.zero(n)
        if np.any(np.diff(x)[self.barrier] <= 0):
            model.value = np.inf
            return model
        length = self.length(x) if self.terms.points else 0.0
        for chain in self.chains:
            nodes = x[chain.nodes]
            self._inertia(chain, nodes, model)
            model.rounding += 4 * float(np.spacing(np.abs(x).max()) * chain.inertia * chain.masses.sum())
            self._cells(chain, nodes, model, convexified)
            self._points(chain, nodes, length, model, convexified)
        for a, b, kernel in self.terms.crosses:
            self._cross(self.chain(a), self.chain(b), kernel, x, model, convexified)
        return model

    @cached_property
    def tips(self) -> list[Tip]:
        """What can hold atoms of two species together."""
        nothing = np.zeros(0)
        found = [
            Tip(kernel.pointed, self.chain(a), self.chain(b), nothing, nothing)
            for a, b, kernel in self.terms.crosses
            if kernel.pointed > 0
        ]
        for chain in self.chains:
            for one in self.terms.fields.get(chain.name, []):
                held = (np.diff(one.nodes) == 0) & (one.masses > 0)
                if one.kernel.pointed > 0 and held.any():
                    places, which = np.unique(one.nodes[:-1][held], return_inverse=True)
                    found.append(
                        Tip(one.kernel.pointed, chain, None, places, np.bincount(which, one.masses[held]).astype(np.float64))
                    )
        return found

    def _blurred(self, nodes: Array, masses: Array) -> Array:
        if self.blur == 0:
            return nodes
        level = cumulated(masses) / masses.sum()
        return np.asarray(nodes + self.blur * (level - 0.5))

    def strongest_ties(self) -> float:
        """The most that all tips together can hold."""
        return sum(
            tip.strength * float(tip.a.masses.sum() * (tip.masses if tip.b is None else tip.b.masses).sum())
            for tip in self.tips
        )

    def unresolved(self, closed: Mask) -> float:
        """The largest share of the mass of a species in cells with a barrier that are held at their least width."""
        shares = []
        for chain in self.chains:
            cells = slice(chain.nodes.start, chain.nodes.stop - 1)
            held = closed[cells] & self.barrier[cells]
            shares.append(float(chain.masses[held].sum() / chain.masses.sum()))
        return max(shares)

    def admits(self, x: Array) -> bool:
        """Whether the nodes keep every bound, the cells with a barrier their width, and the walls their place."""
        gaps, still = np.diff(x), np.array_equal(x[self.fixed], self.start[self.fixed])
        return bool(np.all(gaps >= self.floors) and np.all(gaps[self.barrier] > 0) and still)

    def at_one_place(self, x: Array) -> bool:
        """Whether every species is one atom."""
        return all(x[chain.nodes][0] == x[chain.nodes][-1] for chain in self.chains)

    def chain(self, name: str) -> Chain:
        """The chain of a species."""
        return next(chain for chain in self.chains if chain.name == name)

    def length(self, x: Array) -> float:
        """A length of the problem: the root mean square distance from the centre of all mass, or something small where all of
        it sits at one place.
        """
        mass = sum(float(chain.masses.sum()) for chain in self.chains)
        middles = [(chain.masses, (x[chain.nodes][1:] + x[chain.nodes][:-1]) / 2) for chain in self.chains]
        centre = sum(float(w @ z) for w, z in middles) / mass
        spread = sum(square(chain.masses, x[chain.nodes] - centre) for chain in self.chains) / mass
        return max(float(np.sqrt(spread)), 1e-3 * abs(centre)) or 1.0

    @cached_property
    def _first_length(self) -> float:
        return self.length(self.start)

    def small(self, p: Array, x: Array, pull: Array, model: Model, tolerance: float) -> bool:
        """Whether a correction of the nodes, root mean square in every species, is below a share of the extent (of the mass now
        and at the start, or of the way it has come) or what the rounding of the nodes and of the forces in balance allows.
        """
        extent = self.extent(x)
        return all(chain.mean_square(p) <= tolerance * extent + self.noise(chain, x, pull, model) for chain in self.chains)

    def extent(self, x: Array) -> float:
        """The length that tolerances are shares of: of the mass now and at the start, or of the way it has come."""
        come = max(chain.mean_square(x - self.start) for chain in self.chains)
        return max(self.length(x), self._first_length, come)

    def inert(self, model: Model) -> Model:
        """The model with no second derivatives but those of the inertia."""
        bare = Model.zero(len(model.gradient))
        for chain in self.chains:
            w = chain.inertia * chain.masses
            bare.add_cells(chain, (0 * w, 0 * w), (w / 3, w / 6, w / 3))
        return replace(bare, gradient=model.gradient)

    def noise(self, chain: Chain, x: Array, pull: Array, model: Model) -> float:
        """How far rounding may move the nodes of a species: their own, that of the forces that closed gaps hold in balance, and
        that of potentials known by differences.
        """
        cells = slice(chain.nodes.start, chain.nodes.stop - 1)
        held = float(np.abs(pull[cells][~self.barrier[cells]]).max(initial=0.0)) / float(chain.masses.sum())
        jitter = model.jitter.get(chain.name, 0.0)
        return 8 * (float(np.spacing(np.abs(x).max())) + (np.finfo(float).eps * held + jitter) / chain.inertia)

    def distance(self, p: Array) -> float:
        """(sum_i int |p_i|^2 ds / alpha_i)^(1/2): the product distance of a displacement of the nodes."""
        return float(np.sqrt(sum(square(c.masses, p[c.nodes]) / c.mobility for c in self.chains)))

    def start_of(self, chain: Chain) -> Array:
        """The nodes of the anchor."""
        return np.asarray(self.step.anchor[chain.name].nodes)

    def state(self, x: Array) -> Species:
        """The nodes as measures."""
        return self.step.anchor.like({chain.name: x[chain.nodes] for chain in self.chains})

    def _inertia(self, chain: Chain, nodes: Array, model: Model) -> None:
        d, w = nodes - chain.target, chain.inertia * chain.masses
        value = 0.5 * chain.inertia * square(chain.masses, d)
        model.add_value(value)
        model.add_cells(chain, (w * (2 * d[:-1] + d[1:]) / 6, w * (d[:-1] + 2 * d[1:]) / 6), (w / 3, w / 6, w / 3))

    def _cells(self, chain: Chain, nodes: Array, model: Model, convexified: bool) -> None:
        """Internal energies, and what singular or odd powers are worth within a cell: functions of the widths."""
        held = chain.masses > 0
        w, h = chain.masses[held], np.diff(nodes)[held]
        slope, curvature = np.zeros_like(chain.masses), np.zeros_like(chain.masses)
        for law in self.terms.cells.get(chain.name, []):
            value, first, second = law(w, h)
            model.add_value(value)
            slope[held] += first
            curvature[held] += second
        for kernel in self.terms.selves.get(chain.name, []):
            for c, p in kernel.powers:
                value, first, second = _own_cells(c, p, w, h)
                model.add_value(value)
                slope[held] += first
                curvature[held] += second
        if convexified:
            curvature = np.maximum(curvature, 0.0)
        model.add_cells(chain, (-slope, slope), (curvature, -curvature, curvature))

    def _points(self, chain: Chain, nodes: Array, length: float, model: Model, convexified: bool) -> None:
        """Potentials, and the interaction of the species with itself and with frozen fields, at the Gauss points."""
        if not any(chain.name in terms for terms in (self.terms.points, self.terms.fields, self.terms.selves)):
            return
        z, m = at_gauss_points(nodes), over_gauss_points(chain.masses)
        value, slope, curvature = np.zeros_like(z), np.zeros_like(z), np.zeros_like(z)
        for law in self.terms.points.get(chain.name, []):
            first, second, third = law(z, length)
            value, slope, curvature = value + first, slope + second, curvature + third
        if chain.name in self.terms.differences:
            model.jitter[chain.name] = float(np.spacing(np.abs(value[m > 0]).max())) / (5e-4 * length)
        for frozen in self.terms.fields.get(chain.name, []):
            first, second, third = frozen.at_sorted(z)
            value, slope, curvature = value + first, slope + second, curvature + third
            spread, other = self._blurred(nodes, chain.masses), self._blurred(frozen.nodes, frozen.masses)
            _add_tip(model, chain, spread, other, frozen.masses, frozen.kernel.pointed, convexified)
        if convexified:
            curvature = np.maximum(curvature, 0.0)
        for kernel in self.terms.selves.get(chain.name, []):
            if kernel.pointed != 0:
                _add_ranks(model, chain, nodes, kernel.pointed)
            for c, part in kernel.parts:
                part = part.cautious() if convexified else part
                first, second, third = part.values(z, z, m)
                value, slope = value + c * first / 2, slope + c * second
                if convexified and not part.is_convex(c):
                    curvature = curvature + np.maximum(c * third, 0.0)
                    continue
                curvature = curvature + c * third
                model.far.append(FarPart(chain.nodes, chain.nodes, z, m, z, m, c, part))
        model.add_points(chain, m, value, slope, curvature)

    def _cross(self, a: Chain, b: Chain, kernel: LineKernel, x: Array, model: Model, convexified: bool) -> None:
        xa, xb = x[a.nodes], x[b.nodes]
        if kernel.pointed != 0:
            from ...kernels.sums.tips import abs_coupling

            ya, yb = self._blurred(xa, a.masses), self._blurred(xb, b.masses)
            _add_tip(model, a, ya, yb, b.masses, kernel.pointed, convexified)
            _add_tip(model, b, yb, ya, a.masses, kernel.pointed, convexified, count=False)
            if kernel.pointed > 0 or not convexified:
                rows, columns, entries = abs_coupling(ya, a.masses, yb, b.masses)
                model.triplets.append((rows + a.nodes.start, columns + b.nodes.start, kernel.pointed * entries))
        za, ma, zb, mb = at_gauss_points(xa), over_gauss_points(a.masses), at_gauss_points(xb), over_gauss_points(b.masses)
        for c, part in kernel.parts:
            part = part.cautious() if convexified else part
            value, slope_a, curvature_a = part.values(za, zb, mb)
            _, slope_b, curvature_b = part.values(zb, za, ma)
            curvature_a, curvature_b = c * curvature_a, c * curvature_b
            if convexified and not part.is_convex(c):
                curvature_a, curvature_b = np.maximum(curvature_a, 0.0), np.maximum(curvature_b, 0.0)
            else:
                model.far.append(FarPart(a.nodes, b.nodes, za, ma, zb, mb, c, part))
            model.add_points(a, ma, c * value, c * slope_a, curvature_a)
            model.add_points(b, mb, np.zeros_like(zb), c * slope_b, curvature_b)


def _within_floors(nodes: Array, least: Array, walls: tuple[float, float] | None) -> Array:
    """The nodes, with widths of at least ``least`` between the walls; those given where they are admissible."""
    widths = np.diff(nodes)
    if np.all(widths >= least):
        return nodes
    widths = np.maximum(widths, least)
    middle = (nodes[0] + nodes[-1]) / 2
    if walls is not None:
        room = walls[1] - walls[0] - float(least.sum())
        if room < 0:
            raise ValueError(f"bound must leave room for the mass between the walls {walls}, got {-room:.3g} too little")
        spare = widths - least
        widths = least + spare * min(1.0, room / max(float(spare.sum()), 1e-300))
        half = float(widths.sum()) / 2
        middle = min(max(middle, walls[0] + half), walls[1] - half)
    start = middle - float(widths.sum()) / 2
    return np.concatenate([[start], start + np.cumsum(widths)])


def _target(step: ProximalStep, name: str, anchor: Quantiles) -> tuple[float, Array]:
    """The total weight of the anchors of a species and their weighted mean, which need not be monotone."""
    weight, total = 1.0, anchor.nodes.copy()
    for c, other in step.further:
        weight += c
        total += c * other[name].nodes
    return weight, total / weight


def _add_ranks(model: Model, chain: Chain, nodes: Array, c: float) -> None:
    """Add c/2 int int |x - y|, which is linear in the nodes as long as they are in order."""
    w = chain.masses
    level = 2 * (np.cumsum(w) - w) + w - w.sum()
    left, right = c * w * (level / 2 - w / 6), c * w * (level / 2 + w / 6)
    model.add_value(np.concatenate([left * nodes[:-1], right * nodes[1:]]))
    zero = np.zeros_like(w)
    model.add_cells(chain, (left, right), (zero, zero, zero))


def _add_tip(
    model: Model, chain: Chain, nodes: Array, y: Array, v: Array, c: float, convexified: bool, *, count: bool = True
) -> None:
    """Add c int int |x - y| against other quantiles as a function of this chain; its value only where it is to count."""
    if c == 0:
        return
    from ...kernels.sums.tips import abs_over_cells

    mean, left, right, ll, lr, rr = abs_over_cells(nodes, y, v)
    w = c * chain.masses
    if count:
        model.add_value(w * mean)
    if convexified and c < 0:
        ll, lr, rr = np.zeros_like(ll), np.zeros_like(lr), np.zeros_like(rr)
    model.add_cells(chain, (w * left, w * right), (w * ll, w * lr, w * rr))


def _own_cells(c: float, p: float, w: Array, h: Array) -> tuple[Array, Array, Array]:
    """c w^2/2 (a h^p / p), or c w^2/2 (a log h + b) for p = 0, with its derivatives in h."""
    from ...kernels.sums import own_cell_law

    a, b = own_cell_law(p)
    strength = c * a * w**2 / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        value = strength * np.log(h) + c * b * w**2 / 2 if p == 0 else strength * h**p / p
        slope = np.where(h > 0, strength * np.where(h > 0, h, 1.0) ** (p - 1), 0.0)
        curvature = np.where(h > 0, (p - 1) * strength * np.where(h > 0, h, 1.0) ** (p - 2), 0.0)
    return value, slope, curvature
