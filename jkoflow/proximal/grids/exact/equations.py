"""One exact JKO step on a grid as an equation for the potentials, and the ascent of its dual."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from ...._status import Status
from ...._typing import Array
from ....grids import Grid
from ....linear import Multigrid, elliptic, gmres
from ....measures import Density, Species
from ....pull_back import PullBack, Pulled
from ....transport import upper_transform
from ...base import ProximalStep, ProxResult
from ..charges.charged import Charged
from ..conjugate import Conjugate, conjugates_of
from ..joint_terms import JointTerms, halved
from ..local_energy import GridEnergy
from ..mass_level import level_of_mass

_INVERTED = 0.05  # share of the residual that negative masses may make before they are mended
_COARSEST = 16  # cells along an axis


@dataclass(frozen=True, eq=False)
class Trial:
    """The potentials of all species, shape (species, *grid), and what follows from them."""

    phi: Array
    rho: Array
    slopes: Array  # (U*)'' where rho is taken
    levels: Array  # phi - V
    pulled: tuple[Pulled, ...]
    residual: float

    @cached_property
    def masses(self) -> Array:
        """The anchors pulled back through x + tau alpha grad phi."""
        return np.stack([one.values for one in self.pulled])


class GridStep:
    """The equations of a step, all species together.

        (U*)'(phi_i - V_i - fields)  =  anchor_i pulled back through x + tau alpha_i grad phi_i

    Both sides hold the mass of the anchor: the left by the constant in phi_i, the right by construction. ``residual`` is
    the L1 distance between them over the mass, the largest over the species.
    """

    def __init__(self, anchor: Species, conjugates: dict[str, Conjugate], joint: JointTerms, taus: list[float]) -> None:
        self.anchor, self.conjugates, self.joint, self.taus = anchor, conjugates, joint, taus
        self.names = tuple(anchor)
        self.grid = anchor.grid
        self.mu = np.stack([anchor[name].values for name in self.names])
        self.totals = self.mu.reshape(len(self.names), -1).sum(axis=1)
        self.filling = any(
            np.isneginf(conjugates[name].derivative(np.zeros(1))[0])
            and _has_edge(np.where(conjugates[name].local.forbidden, np.nan, mu))
            for name, mu in zip(self.names, self.mu, strict=True)
        )
        self.continued = self.filling and self.grid.dim == 1

    @cached_property
    def sources(self) -> list[PullBack]:
        """The anchors, ready to be pulled back."""
        return [PullBack(mu, self.grid.spacing, tau, self.continued) for mu, tau in zip(self.mu, self.taus, strict=True)]

    @classmethod
    def of(cls, step: ProximalStep) -> GridStep:
        """The equations of a step. Raises ValueError as ``GridEnergy.of`` and ``conjugates_of`` say."""
        energy = GridEnergy.of(step.forms, step.anchor)
        return cls(step.anchor, conjugates_of(step, energy), energy.joint, [step.weight(name) for name in step.anchor])

    def floors(self, tolerance: float) -> tuple[float, ...]:
        """Falling floors, in units of the largest density, for vacuum that an infinite slope of U at 0 has to fill.

        There the map collapses far cells onto the edge of the anchor's support, and Newton is lost without a way in.
        """
        if not self.filling or self.continued:
            return ()
        return tuple(10.0 ** -np.arange(1, 2 - np.log10(tolerance)))

    def floored(self, floor: float) -> GridStep:
        """The same step from anchors with a floor added, scaled back to their masses."""
        anchor = {}
        for k, name in enumerate(self.names):
            mu = self.mu[k] + np.where(self.conjugates[name].local.forbidden, 0.0, floor * self.mu[k].max())
            anchor[name] = Density(self.grid, mu * (self.totals[k] / mu.sum()))
        return GridStep(Species(anchor), self.conjugates, self.joint, self.taus)

    def coarser(self) -> GridStep | None:
        """The same step on cells twice as wide; None where the grid is too coarse or odd, or an energy has no coarse twin."""
        if any(count % 2 or count < 2 * _COARSEST for count in self.grid.shape):
            return None
        joint = self.joint.coarser(self.grid)
        if joint is None:
            return None
        grid = Grid(self.grid.bounds, tuple(count // 2 for count in self.grid.shape))
        anchor = Species({name: Density(grid, halved(mu)) for name, mu in zip(self.names, self.mu, strict=True)})
        conjugates = {
            name: replace(
                one,
                local=replace(
                    one.local,
                    potential=halved(one.local.potential),
                    forbidden=halved(one.local.forbidden.astype(float)) > 0.5,
                ),
            )
            for name, one in self.conjugates.items()
        }
        return GridStep(anchor, conjugates, joint, self.taus)

    def weaker(self, share: float) -> GridStep:
        """The same step with a share of the coupling by charge."""
        return GridStep(self.anchor, self.conjugates, self.joint.weaker(share), self.taus)

    def trial(self, phi: Array) -> Trial:
        """Everything at the potentials phi, after the constants that give the masses are added to them.

        Where phi is not finite or no constant gives the mass, the trial holds the anchor and an infinite residual.
        """
        if not np.isfinite(phi).all():
            return Trial(np.zeros_like(self.mu), self.mu, self.mu, self.mu, (), np.inf)
        pulled = tuple(source.pull(one) for source, one in zip(self.sources, phi, strict=True))
        state = self.state_of(np.stack([one.values for one in pulled])) if self.joint else self.anchor
        rows = []
        for k, name in enumerate(self.names):
            conjugate = self.conjugates[name]
            level = np.where(conjugate.local.forbidden, -np.inf, phi[k] - self.outside(name, state))
            shift = level_of_mass(conjugate, level, float(self.totals[k]))
            rows.append((phi[k] + shift, level + shift, *conjugate.density(level + shift)))
        moved, levels, rho, slopes = (np.stack(parts) for parts in zip(*rows, strict=True))
        gaps = np.abs(rho - np.stack([one.values for one in pulled])).reshape(len(self.names), -1).sum(axis=1)
        residual = float((gaps / self.totals).max())
        held = rho.reshape(len(self.names), -1).sum(axis=1)
        if not np.isfinite(residual) or np.abs(held - self.totals).max() > 1e-10 * self.totals.max():
            return Trial(moved, self.mu, self.mu, self.mu, (), np.inf)
        return Trial(moved, rho, slopes, levels, pulled, residual)

    def start(self) -> Array:
        """The first variation at the anchor, one implicit step of its linearised flow, made c-concave.

        The linearised step (Cances, Gallouet, Todeschini 2020) does most of what the implicit one does; it needs a
        strictly convex energy without a bound.
        """
        conjugates = [self.conjugates[name] for name in self.names]
        first = np.stack(
            [
                one.variation(mu, self.outside(n, self.anchor))
                for n, one, mu in zip(self.names, conjugates, self.mu, strict=True)
            ]
        )
        free = [one.local.strictly_convex and np.isinf(one.local.cap) for one in conjugates]
        if self.charged is not None and all(free):
            held = np.stack([_answer_to_level(one, mu) for one, mu in zip(conjugates, self.mu, strict=True)])
            faces = [self._conductances(mu, tau) for mu, tau in zip(self.mu, self.taus, strict=True)]
            return self.concave(self.charged.relaxed(held, faces, first, 1e-3, 20))
        for k, one in enumerate(conjugates):
            if free[k] and not one.local.forbidden.any():
                reaction, across = _answer_to_level(one, self.mu[k]), self._conductances(self.mu[k], self.taus[k])
                operator, cycle = elliptic(reaction, across), Multigrid(reaction, across)
                first[k] += gmres(operator, reaction * first[k] - operator(first[k]), cycle, 1e-3, 10)
        return self.concave(first)

    @cached_property
    def charged(self) -> Charged | None:
        """The coupling by Poisson's equation, if there is one; a second one, or one that attracts, is left to the iteration."""
        return Charged.of(self.joint, self.names, self.grid)

    @property
    def ascends(self) -> bool:
        """Whether the ascent of the dual is of use: it holds the fields fixed, and a strong coupling by charge forbids that."""
        return not self.continued and self.charged is None

    def _conductances(self, mu: Array, tau: float) -> tuple[Array, ...]:
        faces = []
        for axis, h in enumerate(self.grid.spacing):
            m, across = np.moveaxis(mu, axis, 0), np.zeros(tuple(n + (c == axis) for c, n in enumerate(mu.shape)))
            np.moveaxis(across, axis, 0)[1:-1] = tau / h**2 * np.minimum(m[1:], m[:-1])
            faces.append(across)
        return tuple(faces)

    def concave(self, phi: Array) -> Array:
        """The c-concave potentials below, phi^cc, by two c-transforms; obstacles are left out of the first."""
        return np.stack([self._upper(self._lower(phi[k], k), k) for k in range(len(self.names))])

    def from_support(self, phi: Array) -> Array:
        """The least c-concave potentials of psi = phi^c on the supports of the anchors: they map every cell into these."""
        held = np.where(self.mu > 0, [self._lower(phi[k], k) for k in range(len(self.names))], -np.inf)
        return np.stack([self._upper(psi, k) for k, psi in enumerate(held)])

    def tidied(self, at: Trial) -> Array:
        """The potentials with the c-concave ones below in the place of those in vacuum, which nothing else holds."""
        return np.where(at.rho <= 0, self.concave(at.phi), at.phi)

    def mended(self, at: Trial) -> Trial:
        """Where many cells are inverted, the c-concave potential below in their place, if that is closer."""
        if not np.isfinite(at.residual):
            return at
        negative = np.where(at.masses < 0, -at.masses, 0.0).sum()
        if not negative > _INVERTED * at.residual * self.totals.sum():
            return at
        from scipy.ndimage import binary_dilation

        inverted = at.masses < -1e-6 * at.rho.max()
        around = np.stack([binary_dilation(one, iterations=3) for one in inverted])
        new = self.trial(np.where(around, self.concave(at.phi), at.phi))
        return new if new.residual < at.residual else at

    def _lower(self, phi: Array, k: int) -> Array:
        allowed = np.where(self.conjugates[self.names[k]].local.forbidden, -np.inf, -phi)
        return -upper_transform(allowed, self.grid.spacing, self.taus[k])

    def _upper(self, psi: Array, k: int) -> Array:
        return upper_transform(psi, self.grid.spacing, self.taus[k])

    def back_and_forth(self, at: Trial) -> Array:
        """One ascent of the dual in phi and one in psi = phi^c, with a Sobolev preconditioner of constant coefficients.

        Jacobs, Lee and Leger (2021), algorithm 1, with the pull-back for the push-forward and the coefficients weighted by
        mass. Two pull-backs, four c-transforms, four cosine transforms per species.
        """
        out = []
        for k, name in enumerate(self.names):
            conjugate, tau = self.conjugates[name], self.taus[k]
            rho, total = at.rho[k], float(self.totals[k])
            phi = at.phi[k] + self._smoothed(at.masses[k] - rho, rho, at.slopes[k], tau)
            psi = self._lower(phi, k)
            phi = self._upper(psi, k)
            outside = np.where(conjugate.local.forbidden, np.inf, at.phi[k] - at.levels[k])
            level = phi - outside
            rho, slopes = conjugate.density(level + level_of_mass(conjugate, level, total))
            if not (np.isfinite(rho).all() and np.isfinite(psi).all()):
                return np.full_like(at.phi, np.nan)
            back = PullBack(rho, self.grid.spacing, tau).pull(-psi).values
            psi = psi + self._smoothed(self.mu[k] - back, rho, slopes, tau)
            out.append(self._upper(psi, k))
        return np.stack(out)

    def _smoothed(self, excess: Array, rho: Array, slopes: Array, tau: float) -> Array:
        from scipy.fft import dctn, idctn

        reaction = float(np.sum(rho * slopes) / np.sum(rho)) or 1e-12
        stiffness = tau * float(np.sum(rho * rho) / np.sum(rho))
        modes = dctn(excess, type=2) / (reaction + stiffness * self.grid.laplacian_eigenvalues)
        modes.flat[0] = 0.0
        return np.asarray(idctn(modes, type=2))

    def outside(self, species: str, state: Species) -> Array:
        """What a species feels besides its own density: the potential, and the fields of a state."""
        return self.joint.outside(self.conjugates[species].local.potential, species, state)

    def state_of(self, values: Array) -> Species:
        """The state with the given densities; rounding below 0 is left out."""
        return self.anchor.like(dict(zip(self.names, np.maximum(values, 0.0), strict=True)))

    def answer(self, at: Trial, status: Status, iterations: int) -> ProxResult:
        """What a trial says of the step."""
        state = self.anchor.like(dict(zip(self.names, at.rho, strict=True)))
        squared, duals = self.squared_displacements(at), self.duals(at)
        gap = sum(cost / (2 * tau) - dual for cost, tau, dual in zip(squared, self.taus, duals, strict=True))
        for k, name in enumerate(self.names):
            if self.conjugates[
                name
            ].local.forbidden.any():  # faces of an obstacle say nothing of how far its neighbours have moved
                squared[k], gap = max(2 * self.taus[k] * duals[k], 0.0), np.nan
        distances = {name: squared[k] ** 0.5 for k, name in enumerate(self.names)}
        potentials = {name: -self.taus[k] * at.phi[k] for k, name in enumerate(self.names)}
        return ProxResult(state, distances, potentials, status, iterations, at.residual, gap)

    def squared_displacements(self, at: Trial) -> list[float]:
        """int |S(x) - x|^2 d rho by species: the squared distance when phi is c-concave."""
        out = []
        for k, tau in enumerate(self.taus):
            total = np.zeros(self.grid.shape)
            for axis, h in enumerate(self.grid.spacing):
                phi = np.moveaxis(at.phi[k], axis, 0)
                faces = np.zeros((len(phi) + 1, *phi.shape[1:]))
                faces[1:-1] = (tau / h * np.diff(phi, axis=0)) ** 2
                total += np.moveaxis(0.5 * (faces[1:] + faces[:-1]), 0, axis)
            out.append(float(np.sum(total * at.rho[k])) * self.grid.cell_volume)
        return out

    def duals(self, at: Trial) -> list[float]:
        """Kantorovich's dual of phi by species: W2^2 / (2 tau alpha) for the optimal phi."""
        out = []
        for k in range(len(self.names)):
            psi = self._lower(at.phi[k], k)
            out.append(float(np.sum(psi * self.mu[k]) - np.sum(at.phi[k] * at.rho[k])) * self.grid.cell_volume)
        return out


def _answer_to_level(conjugate: Conjugate, mu: Array) -> Array:
    """1 / U'', 0 where there is no mass."""
    return np.where(mu > 0, 1 / conjugate.curvature(np.maximum(mu, 1e-300)), 0.0)


def _has_edge(mu: Array) -> bool:
    """Whether the density drops from more than 1e-6 of its largest value to less than 1e-9 of that between two cells; NaN cells
    do not count.
    """
    top = float(np.nanmax(mu))
    for axis in range(mu.ndim):
        v = np.moveaxis(mu, axis, 0)
        low, high = np.minimum(v[1:], v[:-1]), np.maximum(v[1:], v[:-1])
        if ((high > 1e-6 * top) & (low < 1e-9 * high)).any():
            return True
    return False
