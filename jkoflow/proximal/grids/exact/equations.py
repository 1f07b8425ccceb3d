"""The exact JKO step on a grid as equations for the potentials, and the ascent of its dual."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cached_property

import numpy as np

from ...._status import Status
from ...._typing import Array
from ....grids import Grid, on_faces
from ....linear import Multigrid, elliptic, factorised_elliptic, gmres
from ....measures import Density, Species
from ....pull_back import PullBack
from ....transport import upper_transform
from ...base import ProximalStep, ProxResult
from ..charges.charged import Charged
from ..conjugate import Conjugate, conjugates_of
from ..joint_terms import JointTerms, halved
from ..local_energy import GridEnergy
from ..mass_level import level_of_mass
from .jumps import has_jump_to_vacuum, has_unresolved_jump
from .marginals import distance_of_marginals
from .trial import Trial

_INVERTED = 0.05  # share of the residual that negative masses may make up before they are repaired
_OFF = 0.05  # share of the cost of a map: a dual that differs by more counts too, one that differs by twice that alone
_MASS, _ULPS = 1e-10, 1e-15  # share of the mass that a trial may lack; of the levels, what their rounding is
_COARSEST = 16  # cells along an axis of the coarsest grid, at least


class GridStep:
    """The equations of an exact step on a grid, all species together, for the potentials phi_i.

        (U*)'(phi_i - V_i - fields)  =  anchor_i pulled back through x + tau alpha_i grad phi_i

    Both sides have the mass of the anchor. The left side gets its mass by the constant in phi_i. The right side has it by
    construction. The residual is the L1 distance between the sides over the mass, the largest over the species.

    Attributes
    ----------
    mu : array of shape (species, *grid)
        The densities of the anchor.
    totals : array
        Their sums over the cells.
    taus : list of float
        tau alpha_i.
    fills_vacuum : bool
        Whether, for some species, U' is -inf at 0 and the anchor has a jump to vacuum beyond which mass has to spread.
    continued : bool
        Whether a vacuum is filled with masses of the anchors that are continued beyond the ends of their supports (see
        ``PullBack``): on the line.
    beyond, may_go_beyond : bool
        Whether the masses are continued, and whether they might be (``beyond_the_walls``).
    """

    def __init__(self, anchor: Species, conjugates: dict[str, Conjugate], joint: JointTerms, taus: list[float]) -> None:
        self.anchor, self.conjugates, self.joint, self.taus = anchor, conjugates, joint, taus
        self.names = tuple(anchor)
        self.grid = anchor.grid
        self.mu = np.stack([anchor[name].values for name in self.names])
        self.totals = self.mu.reshape(len(self.names), -1).sum(axis=1)
        self.fills_vacuum = any(
            np.isneginf(conjugates[name].derivative(np.zeros(1))[0])
            and has_jump_to_vacuum(np.where(conjugates[name].local.forbidden, np.nan, mu))
            for name, mu in zip(self.names, self.mu, strict=True)
        )
        self.periodic = self.grid.periodic_axes
        on_the_line = self.grid.dim == 1 and not self.grid.periodic
        self.continued = self.beyond = self.fills_vacuum and on_the_line
        self.may_go_beyond = on_the_line and not self.continued

    @property
    def entropic(self) -> bool:
        """Whether a species has an entropy."""
        return any(conjugate.local.entropy > 0 for conjugate in self.conjugates.values())

    @property
    def has_unresolved_jump(self) -> bool:
        """Whether the anchor of a species with an entropy has a jump between neighbours that are not in an obstacle.

        There the pulled-back density blurs the jump over cells, as much in a short step as in a long one.
        """
        return any(
            self.conjugates[name].local.entropy > 0
            and has_unresolved_jump(np.where(self.conjugates[name].local.forbidden, np.nan, mu))
            for name, mu in zip(self.names, self.mu, strict=True)
        )

    @cached_property
    def pull_backs(self) -> list[PullBack]:
        """The anchors by species, ready to be pulled back."""
        spacing, beyond, periodic = self.grid.spacing, self.beyond, self.periodic
        return [PullBack(mu, spacing, tau, beyond, periodic) for mu, tau in zip(self.mu, self.taus, strict=True)]

    @classmethod
    def of(cls, step: ProximalStep) -> GridStep:
        """The equations of a step. Raises ValueError as ``GridEnergy.of`` and ``conjugates_of`` do."""
        energy = GridEnergy.of(step.forms, step.anchor)
        return cls(step.anchor, conjugates_of(step, energy), energy.joint, [step.weight(name) for name in step.anchor])

    def floors(self, tolerance: float) -> tuple[float, ...]:
        """The falling floors, in units of the largest density, on the way to a step that fills a vacuum; () for other steps.

        Where U' is -inf at 0, mass has to fill a vacuum. There the map collapses far cells onto the edge of the anchor's
        support, and Newton's method does not get there without the steps from anchors with a floor.
        """
        if not self.fills_vacuum or self.continued:
            return ()
        return tuple(10.0 ** -np.arange(1, 2 - np.log10(tolerance)))

    def with_floor(self, floor: float) -> GridStep:
        """The same step from anchors to which a floor is added, in units of the largest density, and scaled to their masses."""
        anchor = {}
        for k, name in enumerate(self.names):
            mu = self.mu[k] + np.where(self.conjugates[name].local.forbidden, 0.0, floor * self.mu[k].max())
            anchor[name] = Density(self.grid, mu * (self.totals[k] / mu.sum()))
        return GridStep(Species(anchor), self.conjugates, self.joint, self.taus)

    def coarser(self) -> GridStep | None:
        """The same step on cells twice as wide.

        None if the number of cells along an axis is odd or below 32, or if a joint term is not known on wider cells.
        """
        if any(count % 2 or count < 2 * _COARSEST for count in self.grid.shape):
            return None
        joint = self.joint.coarser(self.grid)
        if joint is None:
            return None
        grid = Grid(self.grid.bounds, tuple(count // 2 for count in self.grid.shape), self.grid.periodic)
        anchor = Species({name: Density(grid, halved(mu)) for name, mu in zip(self.names, self.mu, strict=True)})
        conjugates = {
            name: replace(
                conjugate,
                local=replace(
                    conjugate.local,
                    potential=halved(conjugate.local.potential),
                    forbidden=halved(conjugate.local.forbidden.astype(float)) > 0.5,
                ),
            )
            for name, conjugate in self.conjugates.items()
        }
        return GridStep(anchor, conjugates, joint, self.taus)

    def beyond_the_walls(self) -> GridStep:
        """The same step with masses that go on beyond the walls: cells that an iteration moves there find the way back."""
        step = GridStep(self.anchor, self.conjugates, self.joint, self.taus)
        step.beyond = True
        return step

    def with_charges_scaled(self, share: float) -> GridStep:
        """The same step with the coupling by charge multiplied by ``share``."""
        return GridStep(self.anchor, self.conjugates, self.joint.with_charges_scaled(share), self.taus)

    def trial(self, phi: Array) -> Trial:
        """The trial at the potentials phi, after the constants that give the masses are added to phi.

        If phi is not finite or no constant gives the mass, the trial has the densities of the anchor and the residual inf.
        """
        if not np.isfinite(phi).all():
            return Trial(np.zeros_like(self.mu), self.mu, self.mu, self.mu, (), np.inf)
        pulled = tuple(source.pull(potential) for source, potential in zip(self.pull_backs, phi, strict=True))
        state = self.state_of(np.stack([density.values for density in pulled])) if self.joint else self.anchor
        rows = []
        for k, name in enumerate(self.names):
            conjugate = self.conjugates[name]
            level = np.where(conjugate.local.forbidden, -np.inf, phi[k] - self.effective_potential(name, state))
            shift = level_of_mass(conjugate, level, float(self.totals[k]))
            rows.append((phi[k] + shift, level + shift, *conjugate.density(level + shift)))
        shifted, levels, rho, slopes = (np.stack(parts) for parts in zip(*rows, strict=True))
        gaps = np.abs(rho - np.stack([density.values for density in pulled])).reshape(len(self.names), -1).sum(axis=1)
        residual = float((gaps / self.totals).max())
        if not np.isfinite(residual) or not self._has_mass(rho, slopes, levels):
            return Trial(shifted, self.mu, self.mu, self.mu, (), np.inf)
        return Trial(shifted, rho, slopes, levels, pulled, residual)

    def _has_mass(self, rho: Array, slopes: Array, levels: Array) -> bool:
        """Return True if the densities have their masses, to 1e-10 or what rounding of the levels leaves."""
        lacking = np.abs(rho.reshape(len(self.names), -1).sum(axis=1) - self.totals)
        if lacking.max() <= _MASS * self.totals.max():
            return True
        sizes = [float(np.abs(level[np.isfinite(level)]).max()) for level in levels]
        rounding = _ULPS * np.array(sizes) * slopes.reshape(len(self.names), -1).sum(axis=1)
        return bool((lacking <= _MASS * self.totals + rounding).all())

    def start(self) -> Array:
        """The potentials from which the iteration begins.

        They are the first variation at the anchor, after one implicit step of the linearised flow, made c-concave. The
        linearised step (Cances, Gallouet, Todeschini 2020) does most of what the implicit step does. It needs a strictly
        convex U without a bound, and is left out for other species and next to obstacles.
        """
        conjugates = [self.conjugates[name] for name in self.names]
        first = np.stack(
            [
                conjugate.variation(mu, self.effective_potential(name, self.anchor))
                for name, conjugate, mu in zip(self.names, conjugates, self.mu, strict=True)
            ]
        )
        smooth = [conjugate.local.strictly_convex and np.isinf(conjugate.local.cap) for conjugate in conjugates]
        if self.charged is not None and all(smooth):
            reactions = np.stack([_density_response(conjugate, mu) for conjugate, mu in zip(conjugates, self.mu, strict=True)])
            faces = [self._conductances(mu, tau) for mu, tau in zip(self.mu, self.taus, strict=True)]
            return self.c_concave(self.charged.relaxed(reactions, faces, first, 1e-3, 20))
        for k, conjugate in enumerate(conjugates):
            if smooth[k] and not conjugate.local.forbidden.any():
                reaction, across = _density_response(conjugate, self.mu[k]), self._conductances(self.mu[k], self.taus[k])
                operator, cycle = elliptic(reaction, across), self.cycle(reaction, across)
                first[k] += gmres(operator, reaction * first[k] - operator(first[k]), cycle, 1e-3, 10)
        return self.c_concave(first)

    @cached_property
    def charged(self) -> Charged | None:
        """The coupling by charge that the multigrid cycle knows; None if no coupling by charge repels.

        The cycle does not know a second coupling, nor a coupling that attracts: these are left to the iterations.
        """
        return Charged.of(self.joint, self.names, self.grid)

    @property
    def ascends(self) -> bool:
        """Whether the ascent of the dual is of use. It fixes the fields, which a strong coupling by charge does not allow."""
        return not self.continued and self.charged is None

    def cycle(self, reaction: Array, faces: tuple[Array, ...]) -> Callable[[Array], Array]:
        """An approximate inverse of an elliptic operator: a multigrid cycle, which ends at walls, on a torus the inverse."""
        return factorised_elliptic(reaction, faces) if self.grid.periodic else Multigrid(reaction, faces)

    def _conductances(self, mu: Array, tau: float) -> tuple[Array, ...]:
        """tau / h^2 times the smaller density of two neighbours, on the faces across each axis; 0 at the walls."""
        return tuple(tau / h**2 * on_faces(self.grid, mu, axis, np.minimum) for axis, h in enumerate(self.grid.spacing))

    def c_concave(self, phi: Array) -> Array:
        """phi^cc, the largest c-concave potentials below phi, by two c-transforms.

        The first c-transform leaves out the places in obstacles.
        """
        return np.stack([self._conjugate_transform(self._c_transform(phi[k], k), k) for k in range(len(self.names))])

    def c_concave_from_supports(self, phi: Array) -> Array:
        """The least c-concave potentials whose c-transforms are phi^c on the supports of the anchors.

        Their maps carry every cell into these supports.
        """
        psis = np.where(self.mu > 0, [self._c_transform(phi[k], k) for k in range(len(self.names))], -np.inf)
        return np.stack([self._conjugate_transform(psi, k) for k, psi in enumerate(psis)])

    def c_concave_in_vacuum(self, trial: Trial) -> Array:
        """The potentials of a trial, with phi^cc in their place in vacuum, where nothing else determines them."""
        return np.where(trial.rho <= 0, self.c_concave(trial.phi), trial.phi)

    def repaired(self, trial: Trial) -> Trial:
        """The trial, or one with phi^cc in and around inverted cells, if many cells are inverted and its residual is smaller.

        Inverted cells have a negative pulled-back mass.
        """
        if not np.isfinite(trial.residual):
            return trial
        negative = np.where(trial.masses < 0, -trial.masses, 0.0).sum()
        if not negative > _INVERTED * trial.residual * self.totals.sum():
            return trial
        from scipy.ndimage import binary_dilation

        inverted = trial.masses < -1e-6 * trial.rho.max()
        around = np.stack([binary_dilation(cells, iterations=3) for cells in inverted])
        new = self.trial(np.where(around, self.c_concave(trial.phi), trial.phi))
        return new if new.residual < trial.residual else trial

    def _c_transform(self, phi: Array, k: int) -> Array:
        """phi^c(y) = min over x outside of obstacles of phi(x) + |x - y|^2 / (2 tau alpha), for the species number k."""
        allowed = np.where(self.conjugates[self.names[k]].local.forbidden, -np.inf, -phi)
        return -self._conjugate_transform(allowed, k)

    def _conjugate_transform(self, psi: Array, k: int) -> Array:
        """max over y of psi(y) - |x - y|^2 / (2 tau alpha), for the species number k."""
        return upper_transform(psi, self.grid.spacing, self.taus[k], self.periodic)

    def back_and_forth(self, trial: Trial) -> Array:
        """The potentials after one ascent of the dual in phi and one in psi = phi^c.

        Both ascents have a Sobolev preconditioner of constant coefficients. This is algorithm 1 of Jacobs, Lee and Leger
        (2021), with the pull-back in the place of the push-forward, and coefficients weighted by mass. NaN if a number
        overflows. Cost per species: two pull-backs, four c-transforms, four cosine transforms.
        """
        potentials = []
        for k, name in enumerate(self.names):
            conjugate, tau = self.conjugates[name], self.taus[k]
            rho, total = trial.rho[k], float(self.totals[k])
            phi = trial.phi[k] + self._preconditioned(trial.masses[k] - rho, rho, trial.slopes[k], tau)
            psi = self._c_transform(phi, k)
            phi = self._conjugate_transform(psi, k)
            effective_potential = np.where(conjugate.local.forbidden, np.inf, trial.phi[k] - trial.levels[k])
            level = phi - effective_potential
            rho, slopes = conjugate.density(level + level_of_mass(conjugate, level, total))
            if not (np.isfinite(rho).all() and np.isfinite(psi).all()):
                return np.full_like(trial.phi, np.nan)
            back = PullBack(rho, self.grid.spacing, tau, periodic=self.periodic).pull(-psi).values
            psi = psi + self._preconditioned(self.mu[k] - back, rho, slopes, tau)
            potentials.append(self._conjugate_transform(psi, k))
        return np.stack(potentials)

    def _preconditioned(self, excess: Array, rho: Array, slopes: Array, tau: float) -> Array:
        """The solution x of mean zero of  reaction x - div(stiffness grad x) = excess, by transforms.

        reaction and stiffness are the means of (U*)'' and of tau alpha rho, weighted by the mass.
        """
        reaction = float(np.sum(rho * slopes) / np.sum(rho)) or 1e-12
        stiffness = tau * float(np.sum(rho * rho) / np.sum(rho))
        return self.grid.inverse_laplacian(excess / stiffness, "neumann", reaction / stiffness)

    def effective_potential(self, species: str, state: Species) -> Array:
        """V of a species and the fields of the joint terms at a state."""
        return self.joint.effective_potential(self.conjugates[species].local.potential, species, state)

    def state_of(self, values: Array) -> Species:
        """The state with the given densities. Values below 0, which come from rounding, become 0."""
        return self.anchor.like(dict(zip(self.names, np.maximum(values, 0.0), strict=True)))

    def answer(self, trial: Trial, status: Status, iterations: int) -> ProxResult:
        """The answer to the step that a trial stands for.

        The distance of a species is the length of its map. On the line it is W2 itself. It is that of the dual, and at least
        that of the marginals, where the map does not tell how far mass has moved:

        * next to obstacles, whose faces do not show the motion of the mass beside them; there the gap is NaN;
        * where the cost of the map differs from the dual by more than a tenth: nothing determines the map in a full crowd, and
          the dual does not see a motion by less than a cell. From a twentieth on the distance is a mean of both, so that it
          does not jump.
        """
        # what rounding of the levels leaves of the mass
        kept = (rho * (total / rho.sum()) for rho, total in zip(trial.rho, self.totals, strict=True))
        state = self.anchor.like(dict(zip(self.names, kept, strict=True)))
        squared, duals = self.squared_displacements(trial), self.duals(trial.phi, trial)
        if any(4 * tau * dual < cost for cost, tau, dual in zip(squared, self.taus, duals, strict=True)):
            best = self.duals(self.c_concave_from_supports(trial.phi), trial)  # for the same phi^c
            closed = [conjugate.local.forbidden.any() for conjugate in self.conjugates.values()]
            duals = [dual if shut else max(dual, other) for dual, other, shut in zip(duals, best, closed, strict=True)]
        gap = sum(cost / (2 * tau) - dual for cost, tau, dual in zip(squared, self.taus, duals, strict=True))
        paid = 0.0
        for k, name in enumerate(self.names):
            on_the_line = self.grid.dim == 1 and not self.grid.periodic
            of_dual, obstacles = 2 * self.taus[k] * duals[k], self.conjugates[name].local.forbidden.any()
            off = abs(squared[k] - of_dual) / squared[k] if squared[k] > 0 else 0.0
            of_map = float(np.clip(2 - off / _OFF, 0.0, 1.0))
            of_map, gap = (0.0, np.nan) if obstacles else (of_map, gap)
            squared[k] = max(of_map * squared[k] + (1 - of_map) * of_dual, 0.0)
            paid += squared[k] / (2 * self.taus[k])
            if on_the_line or of_map < 1:
                least = distance_of_marginals(self.anchor[name], state[name]) ** 2
                squared[k] = least if on_the_line and least > 0 else max(squared[k], least)
        distances = {name: squared[k] ** 0.5 for k, name in enumerate(self.names)}
        potentials = {name: -self.taus[k] * trial.phi[k] for k, name in enumerate(self.names)}
        return ProxResult(state, distances, potentials, status, iterations, trial.residual, gap, paid=paid)

    def squared_displacements(self, trial: Trial) -> list[float]:
        """int |S(x) - x|^2 d rho by species. It is the squared distance if phi is c-concave."""
        costs = []
        for k, tau in enumerate(self.taus):
            total = np.zeros(self.grid.shape)
            for axis, h in enumerate(self.grid.spacing):
                rises = on_faces(self.grid, trial.phi[k], axis, np.subtract)
                squared = ((tau / h * rises) ** 2).swapaxes(axis, 0)
                total += (0.5 * (squared[1:] + squared[:-1])).swapaxes(0, axis)
            costs.append(float(np.sum(total * trial.rho[k])) * self.grid.cell_volume)
        return costs

    def duals(self, phi: Array, trial: Trial) -> list[float]:
        """The Kantorovich dual of potentials by species, an energy. For the optimal ones it is W2^2 / (2 tau alpha)."""
        values = []
        for k in range(len(self.names)):
            psi = self._c_transform(phi[k], k)
            values.append(float(np.sum(psi * self.mu[k]) - np.sum(phi[k] * trial.rho[k])) * self.grid.cell_volume)
        return values


def _density_response(conjugate: Conjugate, mu: Array) -> Array:
    """The derivative 1 / U''(mu) of the density in its level; 0 where there is no mass."""
    return np.where(mu > 0, 1 / conjugate.curvature(np.maximum(mu, 1e-300)), 0.0)
