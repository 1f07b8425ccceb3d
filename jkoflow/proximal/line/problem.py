"""The step on quantiles as a problem in the places of all nodes: value, gradient and second derivatives of its objective."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property

import numpy as np

from ..._arrays import cumulated
from ..._typing import Array, Mask
from ...kernels.sums import LineKernel, at_gauss_points
from ...measures import Species
from ..base import ProximalStep
from .anchors import KeptEnergy, fitted, target_of, within_floors
from .clusters import Tip
from .derivatives import sum_of_jets
from .exact_parts import add_pieces, add_quadratic, add_ranks, add_tip, own_cells
from .model import Chain, FarPart, Model, at_ends, square
from .monotone import ConeStep
from .rows import rows_of
from .terms import LineTerms

_AT_ONE_PLACE = 1e3  # spacings of the numbers: less spread counts as none
_MOST_EXCUSED = 1e-6  # share of the extent: the largest correction that may be left to rounding
_HARMLESS = 1e-13  # share of the extent, by which an error of a slope may move a node: a hundredth of the tolerance
_THINNEST = 1e-9  # share of the extent: the least width of a cell under a bound on the density
_KEPT = "the energy about the end of the last step on quantiles"


class LineProblem:
    """The step as a problem in the nodes of all species.

        minimise over the nodes  sum_i inertia_i/2 int |X_i - target_i|^2 ds + E(X),   gaps between nodes at least ``floors``

    The nodes of all species stand one after the other in one vector of n numbers. Species that share the room stand in a row,
    in their order on the line. If there are walls, they are nodes of the vector as well: each row has its own two, which stay
    fixed. So there are gaps between the walls and the outermost nodes.

    Attributes
    ----------
    chains : list of Chain
        The species.
    start : array (n,)
        The nodes of the anchor, widened to the floors, with the walls.
    rows : list of slice
        The nodes of each row; one species alone is a row too.
    floors : array (n - 1,)
        The least gaps: 0 within a row, more under a bound on the density, -inf between two rows.
    barrier : mask (n - 1,)
        The cells with a barrier: their energy, or its slope, is infinite at width 0, so they stay open.
    fixed : mask (n,)
        The nodes that are walls.
    blur : float
        A length by which tips are rounded off: they act as if every species were spread over that much more.
    """

    def __init__(self, step: ProximalStep) -> None:
        self.step, self.terms = step, LineTerms.of(step.forms, step.anchor)
        self.blur = 0.0
        self.chains: list[Chain] = []
        self.rows: list[slice] = []
        self.walls = walls = step.anchor.domain
        start = 0
        positions, floors, barrier, fixed = [], [], [], []
        for row in rows_of(step.anchor, self.terms):
            first, least, barriers = start + (walls is not None), list[Array](), list[Mask]()
            for name in row:
                anchor, (weight, target) = step.anchor[name], target_of(step, name, step.anchor[name])
                with_mass = anchor.masses > 0
                narrowest = with_mass * anchor.masses * self.terms.floors.get(name, 0.0)
                thinnest = _THINNEST * float(np.ptp(anchor.nodes))
                narrowest[narrowest > 0] = np.maximum(narrowest[narrowest > 0], thinnest)
                singular = any(kernel.singular for kernel in self.terms.selves.get(name, []))
                least += [narrowest, np.zeros(1)]  # species in a row touch, and do not cross
                barriers += [with_mass & (narrowest == 0) & (name in self.terms.cells or singular), np.zeros(1, dtype=bool)]
                nodes = slice(first, first + len(anchor.nodes))
                self.chains.append(Chain(name, anchor.masses, nodes, target, weight / step.weight(name), step.mobilities[name]))
                first = nodes.stop
            gap_floors, gap_barriers = fitted(np.concatenate(least)[:-1], walls), np.concatenate(barriers)[:-1]
            places = within_floors(np.concatenate([step.anchor[name].nodes for name in row]), gap_floors, walls)
            self.rows.append(slice(start + (walls is not None), first))
            if walls is not None:
                places = np.concatenate([[walls[0]], places, [walls[1]]])
                gap_floors, gap_barriers = np.pad(gap_floors, 1), np.pad(gap_barriers, 1)
            positions.append(places)
            floors.append(np.append(gap_floors, -np.inf))  # nothing keeps one row from the next
            barrier.append(np.append(gap_barriers, False))
            fixed.append(np.zeros(len(places), dtype=bool))
            if walls is not None:
                fixed[-1][[0, -1]] = True
            start += len(places)
        self.start = np.concatenate(positions)
        self.floors = np.concatenate(floors)[:-1]
        self.barrier = np.concatenate(barrier)[:-1]
        self.fixed = np.concatenate(fixed)

    @cached_property
    def start_model(self) -> Model:
        """The objective about the start, with tips as they are.

        Its energy is that about the end of the step before, if the start is this end.
        """
        kept: KeptEnergy | None = self.step.forms.taken(_KEPT)
        if kept is not None and kept.is_about(self.walls, self.start, self.chains):
            return self._with_inertia(kept.model, self.start)
        return self.evaluate(self.start)

    def evaluate(self, x: Array, *, convexified: bool = False) -> Model:
        """Return the objective about x to second order. Its value is inf if a cell with a barrier has no width.

        ``convexified`` is for steps where the whole second derivative is not positive definite. It leaves out what is concave,
        and takes the slope over r in place of second derivatives that are infinite at the origin.
        """
        return self._with_inertia(self.energy(x, convexified), x)

    def end_values(self, x: Array) -> tuple[float, float, float]:
        """The value of the objective at the end of a step, and the sums of sizes that tell its rounding and the gradient's.

        The energy about the end is kept with the law: the step that follows begins with it.
        """
        model, inertia = self.energy(x), self._with_inertia(Model.zero(len(x)), x)
        self.step.forms.keep(_KEPT, KeptEnergy(self.walls, x, [(chain.name, chain.masses) for chain in self.chains], model))
        return model.value + inertia.value, model.size + inertia.size, model.forces + inertia.forces

    def _with_inertia(self, model: Model, x: Array) -> Model:
        """The model with the inertia of all species added."""
        for chain in self.chains if np.isfinite(model.value) else ():
            self._inertia(chain, x[chain.nodes], model)
            model.rounding += 4 * float(np.spacing(np.abs(x).max()) * chain.inertia * chain.masses.sum())
        return model

    def energy(self, x: Array, convexified: bool = False) -> Model:
        """The energy about x to second order, without the inertia."""
        model = Model.zero(len(x))
        if np.any(np.diff(x)[self.barrier] <= 0):
            model.value = np.inf
            return model
        for chain in self.chains:
            self._cells(chain, x[chain.nodes], model, convexified)
            self._points(chain, x, model, convexified)
        for a, b, kernel in self.terms.crosses:
            self._cross(self.chain(a), self.chain(b), kernel, x, model, convexified)
        for signal in self.terms.signals:
            signal.add_to(model, self.chains, x, convexified=convexified)
        return model

    @cached_property
    def tips(self) -> list[Tip]:
        """The tips that can hold atoms together: between two species, and between a species and frozen atoms."""
        nothing = np.zeros(0)
        tips = [
            Tip(kernel.tip, self.chain(a), self.chain(b), nothing, nothing)
            for a, b, kernel in self.terms.crosses
            if kernel.tip > 0
        ]
        for chain in self.chains:
            for frozen in self.terms.fields.get(chain.name, []):
                atomic = (np.diff(frozen.nodes) == 0) & (frozen.masses > 0)
                if frozen.kernel.tip > 0 and atomic.any():
                    places, which = np.unique(frozen.nodes[:-1][atomic], return_inverse=True)
                    masses = np.bincount(which, frozen.masses[atomic]).astype(np.float64)
                    tips.append(Tip(frozen.kernel.tip, chain, None, places, masses))
        return tips

    def _blurred(self, nodes: Array, masses: Array) -> Array:
        """The nodes of a species spread by ``blur``, in proportion to the mass level."""
        if self.blur == 0:
            return nodes
        level = cumulated(masses) / masses.sum()
        return np.asarray(nodes + self.blur * (level - 0.5))

    def total_tip_strength(self) -> float:
        """The largest force that all tips together can bear: the sum of c times the product of the masses."""
        return sum(
            tip.strength * float(tip.a.masses.sum() * (tip.masses if tip.b is None else tip.b.masses).sum())
            for tip in self.tips
        )

    def unresolved_share(self, closed: Mask) -> float:
        """The share of its mass that a species has in closed cells with a barrier, the largest over the species.

        Such a cell is at the least width that an iteration allows.
        """
        shares = []
        for chain in self.chains:
            cells = slice(chain.nodes.start, chain.nodes.stop - 1)
            at_least_width = closed[cells] & self.barrier[cells]
            shares.append(float(chain.masses[at_least_width].sum() / chain.masses.sum()))
        return max(shares)

    def admits(self, x: Array) -> bool:
        """Return True if every gap keeps its bound, every cell with a barrier has a width, and the walls are in place."""
        gaps, still = np.diff(x), np.array_equal(x[self.fixed], self.start[self.fixed])
        return bool(np.all(gaps >= self.floors) and np.all(gaps[self.barrier] > 0) and still)

    def at_one_place(self, x: Array) -> bool:
        """Return True if every species is one atom."""
        return all(x[chain.nodes][0] == x[chain.nodes][-1] for chain in self.chains)

    def chain(self, name: str) -> Chain:
        """The chain of a species."""
        return next(chain for chain in self.chains if chain.name == name)

    def length(self, x: Array) -> float:
        """The root mean square distance of the mass of all species from its centre.

        If the mass lies at one place, up to rounding, it is that distance at the start. If it lay at one place then too, it is
        1e-3 of the distance of this place from the origin, or 1 at the origin.
        """
        return self._length_of(self.chains, x)

    def _length_of(self, chains: list[Chain], x: Array) -> float:
        """The length of some species alone."""
        for nodes in (x, self.start):
            mass = sum(float(chain.masses.sum()) for chain in chains)
            middles = [(chain.masses, (nodes[chain.nodes][1:] + nodes[chain.nodes][:-1]) / 2) for chain in chains]
            centre = sum(float(w @ z) for w, z in middles) / mass
            spread = float(np.sqrt(sum(square(chain.masses, nodes[chain.nodes] - centre) for chain in chains) / mass))
            if spread > _AT_ONE_PLACE * np.spacing(abs(centre)):
                return spread
        return 1e-3 * abs(centre) or 1.0

    @cached_property
    def _initial_length(self) -> float:
        return self.length(self.start)

    def correction_is_negligible(self, aim: ConeStep, x: Array, model: Model, tolerance: float) -> bool:
        """Return True if the correction from the nodes x to those of ``aim`` is negligible in every species.

        It is negligible if its root mean square is at most ``tolerance * extent(x)`` plus what rounding can cause (``noise``).
        Rounding excuses at most 1e-6 of the extent and the rounding of the nodes, unless every species is one atom.
        """
        extent = self.extent(x)
        moved = {chain.name: chain.mean_square(aim.nodes - x) for chain in self.chains}
        largest = max(moved.values())
        if largest <= tolerance * extent:
            return True
        spacing = float(np.spacing(np.abs(x).max()))
        if largest > _MOST_EXCUSED * extent + 64 * spacing and not self.at_one_place(aim.nodes):
            return False
        noise = self.noise(aim, x, model)
        return all(moved[name] <= tolerance * extent + noise[name] for name in moved)

    def extent(self, x: Array) -> float:
        """The length that tolerances are shares of.

        It is the largest of

        * the length of the problem at the nodes x;
        * its length at the start;
        * the way from the start to x, root mean square, of the species that has come farthest.
        """
        come = max(chain.mean_square(x - self.start) for chain in self.chains)
        return max(self.length(x), self._initial_length, come)

    def inert(self, gradient: Array) -> Model:
        """The model with the second derivatives of the inertia alone, and the given gradient."""
        bare = Model.zero(len(gradient))
        for chain in self.chains:
            nothing = np.zeros_like(chain.masses)
            bare.add_cells(chain, (nothing, nothing), (chain.thirds, chain.sixths, chain.thirds))
        return replace(bare, nodal_gradient=gradient)

    def noise(self, aim: ConeStep, x: Array, model: Model) -> dict[str, float]:
        """How far rounding may move the nodes of every species, root mean square.

        The nodes are rounded, and so are the forces and the stresses of the model at x. Potentials whose gradient is taken by
        differences have errors of their own. The errors of forces and stresses are followed through the second derivative to
        the nodes, once with equal signs everywhere and once with alternating ones.
        """
        eps = np.finfo(float).eps
        force, stress = eps * model.sizes, eps * np.abs(model.stress)
        if not aim.apart:
            force += eps * np.abs(at_ends(model.stress))
        for chain in self.chains:
            force[chain.nodes] += model.jitter.get(chain.name, 0.0) * np.convolve(chain.masses, [0.5, 0.5])
        signs = np.where(np.arange(len(x)) % 2, 1.0, -1.0)
        moved = np.maximum(np.abs(aim.moved_by(force, stress)), np.abs(aim.moved_by(signs * force, signs[1:] * stress)))
        spacing = float(np.spacing(np.abs(x).max()))
        return {chain.name: 8 * (spacing + chain.mean_square(moved)) for chain in self.chains}

    def distance(self, p: Array) -> float:
        """The product distance of a displacement p of the nodes: (sum_i int |p_i|^2 ds / alpha_i)^(1/2)."""
        return float(np.sqrt(sum(square(chain.masses, p[chain.nodes]) / chain.mobility for chain in self.chains)))

    def start_of(self, chain: Chain) -> Array:
        """The nodes of a species in the anchor."""
        return np.asarray(self.step.anchor[chain.name].nodes)

    def in_order(self, x: Array) -> Array:
        """The nodes x without the crossings of neighbours, and of nodes and walls, that rounding leaves."""
        out = x.copy()
        for row in self.rows:
            nodes = np.maximum.accumulate(x[row])
            out[row] = nodes if self.walls is None else np.clip(nodes, *self.walls)
        return out

    def state(self, x: Array) -> Species:
        """The measures that have the nodes x."""
        return self.step.anchor.like({chain.name: x[chain.nodes] for chain in self.chains})

    def _harmless(self, chain: Chain, nodes: Array) -> float:
        """The error of a slope that moves no node by more than what the tolerance leaves."""
        return _HARMLESS * chain.inertia * float(np.ptp(nodes))

    def _inertia(self, chain: Chain, nodes: Array, model: Model) -> None:
        """Add inertia/2 int |X - target|^2 ds."""
        d = nodes - chain.target
        model.add_value(0.5 * chain.inertia * square(chain.masses, d))
        left, right = chain.sixths * d[:-1], chain.sixths * d[1:]
        both = left + right
        model.add_cells(chain, (left + both, both + right), (chain.thirds, chain.sixths, chain.thirds))

    def _cells(self, chain: Chain, nodes: Array, model: Model, convexified: bool) -> None:
        """Add the functions of the widths of cells: internal energies, and singular or odd powers of a kernel within a cell."""
        w, h = chain.masses, np.diff(nodes)
        if chain.with_mass is not None:
            w, h = w[chain.with_mass], h[chain.with_mass]
        jets = [law(w, h) for law in self.terms.cells.get(chain.name, [])]
        kernels = self.terms.selves.get(chain.name, [])
        jets += [own_cells(c, p, w, h) for kernel in kernels for c, p in kernel.powers]
        for value, slope, curvature in jets:
            model.add_value(value)
            model.add_widths(chain, slope, curvature)
        if convexified:
            np.maximum(model.stiffness, 0.0, out=model.stiffness)

    def _points(self, chain: Chain, x: Array, model: Model, convexified: bool) -> None:
        """Add the potentials, the frozen fields and the interaction of a species with itself, at its Gauss points."""
        nodes, laws = x[chain.nodes], []
        middle = float(nodes[len(nodes) // 2])
        for law in self.terms.points.get(chain.name, []):
            if (quadratic := law.quadratic(middle)) is not None:
                add_quadratic(model, chain, nodes, middle, quadratic, convexified)
            elif (pieces := law.pieces(nodes, self.walls)) is not None:
                add_pieces(model, chain, nodes, pieces, law.factor, convexified)
            else:
                laws.append(law)
        if not laws and not any(chain.name in terms for terms in (self.terms.fields, self.terms.selves)):
            return
        z, m = at_gauss_points(nodes), chain.gauss_masses
        (value, slope, curvature), error = sum_of_jets(laws, z, lambda: self._length_of([chain], x))
        model.jitter[chain.name] = model.jitter.get(chain.name, 0.0) + error
        if curvature.min(initial=0.0) < 0:  # what the rounding of places does to the force; a well holds them by as much
            sizes = (m * np.abs(np.minimum(curvature, 0.0) * z)).reshape(-1, 3) @ np.ones(3)
            model.sizes[chain.nodes] += np.convolve(sizes, [0.5, 0.5])
        for frozen in self.terms.fields.get(chain.name, []):
            first, second, third = frozen.at_sorted(z)
            value, slope, curvature = value + first, slope + second, curvature + third
            spread, other = self._blurred(nodes, chain.masses), self._blurred(frozen.nodes, frozen.masses)
            add_tip(model, chain, spread, other, frozen.masses, frozen.kernel.tip, convexified)
        if convexified:
            curvature = np.maximum(curvature, 0.0)
        for kernel in self.terms.selves.get(chain.name, []):
            if kernel.tip != 0:
                add_ranks(model, chain, nodes, kernel.tip)
            for c, part in kernel.parts:
                part = part.cautious() if convexified else part
                first, second, third = part.exact(c, m, self._harmless(chain, nodes)).values(z, z, m)
                value, slope = value + c * first / 2, slope + c * second
                if convexified and not part.is_convex(c):
                    curvature = curvature + np.maximum(c * third, 0.0)
                    continue
                curvature = curvature + c * third
                model.far.append(FarPart(chain.nodes, chain.nodes, z, m, z, m, c, part))
        model.add_points(chain, m, value, slope, curvature)

    def _cross(self, a: Chain, b: Chain, kernel: LineKernel, x: Array, model: Model, convexified: bool) -> None:
        """Add the interaction of two species: the tip exactly, the other parts at the Gauss points."""
        xa, xb = x[a.nodes], x[b.nodes]
        if kernel.tip != 0:
            from ...kernels.sums.tips import abs_coupling

            ya, yb = self._blurred(xa, a.masses), self._blurred(xb, b.masses)
            add_tip(model, a, ya, yb, b.masses, kernel.tip, convexified)
            add_tip(model, b, yb, ya, a.masses, kernel.tip, convexified, with_value=False)
            if kernel.tip > 0 or not convexified:
                rows, columns, entries = abs_coupling(ya, a.masses, yb, b.masses)
                model.triplets.append((rows + a.nodes.start, columns + b.nodes.start, kernel.tip * entries))
        za, ma, zb, mb = at_gauss_points(xa), a.gauss_masses, at_gauss_points(xb), b.gauss_masses
        for c, part in kernel.parts:
            part = part.cautious() if convexified else part
            value, slope_a, curvature_a = part.exact(c, mb, self._harmless(a, xa)).values(za, zb, mb)
            _, slope_b, curvature_b = part.exact(c, ma, self._harmless(b, xb)).values(zb, za, ma)
            curvature_a, curvature_b = c * curvature_a, c * curvature_b
            if convexified and not part.is_convex(c):
                curvature_a, curvature_b = np.maximum(curvature_a, 0.0), np.maximum(curvature_b, 0.0)
            else:
                model.far.append(FarPart(a.nodes, b.nodes, za, ma, zb, mb, c, part))
            model.add_points(a, ma, c * value, c * slope_a, curvature_a)
            model.add_points(b, mb, np.zeros_like(zb), c * slope_b, curvature_b)
