"""The equations of a step by finite volumes."""

from __future__ import annotations

from copy import copy
from dataclasses import replace
from functools import cached_property, partial
from typing import Any

import numpy as np

from ...._typing import Array
from ....grids import Elliptic, Faces
from ....laws.electrostatics import doping_on
from ....measures import Species
from ...base import ProximalStep
from ..joint_terms import JointCoupling, JointPair, JointTerms
from ..local_energy import GridEnergy
from .faces import DoorFaces, at_doors, entering, given_fluxes, on_ways
from .fluxes import Flux, nonlinear_diffusion, scharfetter_gummel, upwind, with_given
from .shared_room import Flow, Rooms
from .trial import Derivatives, Trial
from .unknowns import FULL, density_of, density_slope, fast_diffusion, first_unknown, steady_part, unknown_of

_ROUNDING = 4 * np.finfo(float).eps  # of the sum of the fluxes in both directions
_LEAST_INFLOW = 1e-4  # share of the mass: less that enters in a step is seen to fewer digits
_LEAST_TRACE = 1e-12  # share of the largest density: below, U'' may be infinite


class FiniteVolumeStep:
    """(rho_i - mu_i) / (tau alpha_i) + div(a_i F_i) = 0 on every cell, with F_i = -rho_i grad (U'(rho_i) + V_i + fields).

    The unknown of a species is u: the density is min(u, bound), and what u has above the bound is its pressure. psi of a
    coupling by charge, times the largest valence, is one more unknown. Kernels act with the mean of the densities before and
    after the step. Further anchors add (weight rho_i - weight anchor_i) / (tau alpha_i); then kernels act with those after it.
    """

    def __init__(self, step: ProximalStep, energy: GridEnergy, share: float = 1.0) -> None:
        self.step, self.grid, self.names = step, step.grid, tuple(step.anchor)
        self.local = [energy.local[name] for name in self.names]
        weights, anchors = zip((1.0, step.anchor), *step.further, strict=True)
        self.mu, *further = (np.stack([state[name].values.ravel() for name in self.names]) for state in anchors)
        self.totals = self.mu.sum(axis=1)
        self.taus = [share * step.weight(name) for name in self.names]
        self.closed = np.stack([local.closed.ravel() for local in self.local])
        self.faces = [Faces.of(self.grid, x.closed, x.medium.directions if x.medium else None) for x in self.local]
        self.doors = [DoorFaces.of(self.grid, local.closed, local.outside) for local in self.local]
        each = list(zip(self.taus, self.local, self.faces, self.doors, strict=True))
        self.rates = [tau * on_ways(self.grid, local, faces) for tau, local, faces, _ in each]
        self.rates_at_doors = [tau * at_doors(local.medium, doors) for tau, local, _, doors in each]
        self.given = list(map(partial(given_fluxes, time=share * step.tau), self.doors, self.rates_at_doors))
        self.entering = np.array(list(map(entering, self.doors, self.rates_at_doors, self.given)))
        self.weight = sum(weights)
        self.inertia, self.before = np.full_like(self.mu, self.weight), np.tensordot(weights, [self.mu, *further], axes=1)
        self.after = 1.0 if step.further else 0.5  # the share of the densities after the step in those with which kernels act
        self.row_scale: Array | None = None
        self.held = np.array([sum(float(door.densities.sum()) for door in local.outside) for local in self.local])
        sizes = self.totals + self.held
        sizes = np.where(self.entering > 0, np.clip(self.entering, _LEAST_INFLOW * sizes, sizes + self.entering), sizes)
        self.sizes = np.where(sizes > 0, sizes, 1.0)  # what a residual is compared with: a small inflow counts too
        couplings = [t for t in energy.joint.terms if isinstance(t, JointCoupling) and t.coupling.boundary != "free-space"]
        self.coupling = couplings[0] if len(couplings) == 1 else None
        charges = self.coupling.coupling.charges.values() if self.coupling is not None else ()
        self.unit_charge = max(map(abs, charges), default=0.0) or 1.0
        self.nonlocal_terms = JointTerms(tuple(t for t in energy.joint.terms if t is not self.coupling))
        self.rooms = Rooms.of(energy.shared, self.names, len(self.names) + (self.coupling is not None))
        if self.rooms:
            self.rooms = self.rooms.in_units_of(self.stiffness)

    @property
    def diffusions(self) -> list[float]:
        """The coefficients of the entropies."""
        return [local.entropy for local in self.local]

    @property
    def is_linear(self) -> bool:
        """True if the equations are linear: entropies and potentials alone."""
        alone = self.coupling is None and not self.nonlocal_terms and not self.rooms
        return alone and all(x.entropy > 0 and np.isinf(x.cap) and not steady_part(x).strictly_convex for x in self.local)

    @cached_property
    def stiffness(self) -> list[float]:
        """The pressure at twice the bound, by species: an energy in the unit of the problem.

        It is the largest of the entropy's coefficient, what ``driving`` falls over a face, and the cost of the widest cell.
        """
        scales = []
        for k, (local, faces, phi) in enumerate(zip(self.local, self.faces, self.driving(), strict=True)):
            most = max((float(a.max()) for a in local.medium.values), default=1.0) if local.medium else 1.0
            drop = float(np.abs(phi[faces.right] - phi[faces.left]).max(initial=0.0))
            scales.append(max(local.entropy, drop, max(self.grid.spacing) ** 2 / (self.taus[k] * most)))
        return scales

    def driving(self) -> Array:
        """What drives every species at the anchor besides an entropy: V, the fields and U'."""
        fields = self.fields_at(self.mu) + self.rooms.levels(self.mu)
        own = [x.potential.ravel() + steady_part(x).derivative(mu) for x, mu in zip(self.local, self.mu, strict=True)]
        return fields + np.stack(own)

    def with_diffusion(self, share: float) -> FiniteVolumeStep:
        """The same equations with an entropy for species that have none, and no fast diffusion.

        Its coefficient is ``share`` of what the potential rises at most along an axis. The unknowns are in the same units.
        """
        most = [share * max(self.grid.shape) * scale for scale in self.stiffness]
        softer = copy(self)
        softer.local = [
            replace(local, entropy=local.entropy or (0.0 if fast_diffusion(local)[0] > 0 else entropy))
            for local, entropy in zip(self.local, most, strict=True)
        ]
        return softer

    def start(self, with_psi: bool = False, full: bool = True) -> Array:
        """The densities of the anchor, and psi of their charge, or 0: Newton's equation is linear in it.

        psi = 0 is the better start of a long step from far away, where most of the charge moves. ``full`` begins with a
        pressure in full cells, which is the better start where most of them stay full.
        """
        first = first_unknown if full else unknown_of
        spread = self.entering / np.maximum((~self.closed).sum(axis=1), 1)  # with this an empty species begins
        begin = self.mu + np.where(self.totals > 0, 0.0, spread)[:, None] * ~self.closed
        unknowns = [first(local, mu) for local, mu in zip(self.local, begin, strict=True)]
        if self.coupling is not None:
            charge = self._charge_density(self.mu)
            unknowns.append(self._psi_of(charge) if with_psi else np.zeros_like(charge))
        unknowns += [room.start(self.mu, full) for room in self.rooms.bounded]
        return np.stack(unknowns)

    @property
    def has_full_cells(self) -> bool:
        """True if a bound holds some cells of the anchor."""
        own = any((mu >= local.cap * (1 - FULL)).any() for local, mu in zip(self.local, self.mu, strict=True))
        return own or any((room.start(self.mu, True) > 0).any() for room in self.rooms.bounded)

    def state_of(self, rho: Array) -> Species:
        return self.step.anchor.like({name: part.reshape(self.grid.shape) for name, part in zip(self.names, rho, strict=True)})

    def trial(self, unknowns: Array) -> Trial:
        """The trial at some unknowns."""
        count = len(self.names)
        rho = np.stack([density_of(local, u) for local, u in zip(self.local, unknowns[:count], strict=True)])
        fields, shared = self.fields_at(rho), self.rooms.levels(rho, unknowns)
        drives, levels, fluxes, out, doors_at, excess, noise = [], [], [], [], [], [], 0.0
        for k, local in enumerate(self.local):
            outer, own = local.potential.ravel() + fields[k], self._own(k, rho[k], unknowns[k]) + shared[k]
            electric = self._charge(k) * unknowns[count] if self.coupling is not None else np.zeros_like(outer)
            phi, faces, doors = outer + electric + own, self.faces[k], self.doors[k]
            flux = self._flux(k, rho[k][faces.left], rho[k][faces.right], phi[faces.right] - phi[faces.left], faces.widths)
            noise = max(noise, self._rounding(k, rho[k], unknowns[k], phi, flux))
            through, at_doors = self._through(k, rho, outer, electric, own)
            inflow = np.zeros_like(rho[k])
            part = self.rates[k] / faces.widths * flux.value
            np.add.at(inflow, faces.left, -part)
            np.add.at(inflow, faces.right, part)
            np.add.at(inflow, doors.cells, -self.rates_at_doors[k] / doors.widths * through.value)
            fluxes.append(flux)
            doors_at.append(at_doors)
            out.append(through)
            excess.append(self.inertia[k] * rho[k] - self.before[k] - inflow)
            drives.append(phi)
            with np.errstate(divide="ignore"):
                levels.append(phi + (local.entropy * np.log(rho[k]) if local.entropy else 0.0))
        if self.coupling is not None:
            poisson, density, unit = self._poisson, self._charge_density(rho), self.unit_charge
            excess.append(poisson.matrix @ unknowns[count] / unit**2 - poisson.free_charge(density) - poisson.source / unit)
        excess += [room.left_over(rho, unknowns[room.row]) for room in self.rooms.bounded]
        left = self.with_masses_kept(np.stack(excess), rho)
        residual, of_charge = self._sizes_of(left)
        return Trial(unknowns, rho, np.stack(drives), np.stack(levels), fluxes, out, doors_at, left, residual, of_charge, noise)

    def with_masses_kept(self, excess: Array, rho: Array) -> Array:
        """The excess. For a steady state some equations are replaced by those of masses."""
        return excess

    def _sizes_of(self, excess: Array) -> tuple[float, float]:
        """The size of the excess, over the masses, the charges, and what a bound leaves room for; that of the charge alone."""
        count, of_charge = len(self.names), 0.0
        residual = max(float(np.abs(e).sum() / size) for e, size in zip(excess, self.sizes, strict=False))
        if self.coupling is not None:
            gross = sum(abs(self._valence(k)) * size for k, size in enumerate(self.sizes))
            gross = gross + float(np.abs(self._poisson.source).sum()) / self.unit_charge or 1.0
            of_charge = float(np.abs(excess[count]).sum() / gross)
        for room in self.rooms.bounded:
            left = float(np.abs(excess[room.row]).sum())
            residual = max(residual, left / float(room.weights @ self.sizes))
        return max(residual, of_charge), of_charge

    def density_slopes(self, trial: Trial) -> list[Array]:
        """d rho / du by species."""
        return [density_slope(local, trial.unknowns[k], trial.trace) for k, local in enumerate(self.local)]

    def _rounding(self, k: int, rho: Array, u: Array, phi: Array, flux: Flux) -> float:
        """What rounding of the densities, and of the terms of phi, may leave of the residual of a species."""
        local, faces = self.local[k], self.faces[k]
        terms = np.abs(phi)
        if (steady := steady_part(local)).strictly_convex:
            terms = terms + steady.curvature(np.maximum(rho, _LEAST_TRACE * (rho.max() or 1.0))) * rho
        if np.isfinite(local.cap):
            terms = terms + np.where(u >= local.cap, self.stiffness[k], 0.0)
        c, m = fast_diffusion(local)
        both = np.abs(flux.of_left) * rho[faces.left] + np.abs(flux.of_right) * rho[faces.right]
        both += np.abs(flux.of_rise) * (terms[faces.left] + terms[faces.right])
        both += c * (rho[faces.left] ** m + rho[faces.right] ** m) / faces.widths
        return _ROUNDING * float((self.rates[k] / faces.widths * both).sum()) / float(self.sizes[k])

    def with_psi_of_charge(self, trial: Trial) -> Trial:
        """The trial with the same densities, and psi exactly that of their charge."""
        if self.coupling is None:
            return trial
        unknowns = trial.unknowns.copy()
        unknowns[len(self.names)] = self._psi_of(self._charge_density(trial.rho))
        return self.trial(unknowns)

    def derivatives(self, trial: Trial, k: int) -> Derivatives:
        """The derivatives of the equations of a species in its own unknown."""
        faces, flux = self.faces[k], trial.fluxes[k]
        below = density_slope(self.local[k], trial.unknowns[k], trial.trace)
        slope, more = self._slope(k, trial, below)
        rise = slope + self._pressure_slope(k, trial)  # d phi / du
        weight = self.rates[k] / faces.widths
        direct = fast_diffusion(self.local[k])[0]  # of a flux c (u_left - u_right) / h, with u = rho^m
        of_left = flux.of_left * below[faces.left] + flux.of_left_slope * slope[faces.left] - flux.of_rise * rise[faces.left]
        of_right = (
            flux.of_right * below[faces.right] + flux.of_right_slope * slope[faces.right] + flux.of_rise * rise[faces.right]
        )
        of_left = weight * (of_left + (direct + more[faces.left]) / faces.widths)
        of_right = weight * (of_right - (direct + more[faces.right]) / faces.widths)
        doors, through, diagonal = self.doors[k], trial.through[k], self.inertia[k] * below
        c = doors.cells
        leaving = through.of_left * below[c] + through.of_left_slope * slope[c] - through.of_rise * rise[c]
        leaving = leaving + np.isnan(doors.inflow) * (direct + more[c]) / (doors.widths / 2)
        np.add.at(diagonal, c, self.rates_at_doors[k] / doors.widths * leaving)
        return Derivatives(faces, of_left, of_right, below, diagonal)

    def jacobian(self, trial: Trial) -> Any:
        """The derivative of the excess in the unknowns, without that of the nonlocal fields: a sparse matrix."""
        from scipy.sparse import csc_matrix

        count, n = len(self.names), self.mu.shape[1]
        rows, columns, values = [], [], []

        def add(r: Array, c: Array, v: Array) -> None:
            rows.append(r)
            columns.append(c)
            values.append(v)

        for k in range(count):
            faces, of_left, of_right, below, diagonal = self.derivatives(trial, k)
            base = k * n
            add(base + np.arange(n), base + np.arange(n), diagonal)
            for cells, sign in ((faces.left, 1.0), (faces.right, -1.0)):
                add(base + cells, base + faces.left, sign * of_left)
                add(base + cells, base + faces.right, sign * of_right)
                if self.coupling is not None:
                    of_psi = sign * self.rates[k] / faces.widths * trial.fluxes[k].of_rise * self._charge(k)
                    add(base + cells, count * n + faces.left, -of_psi)
                    add(base + cells, count * n + faces.right, of_psi)
            if self.coupling is not None:
                add(
                    count * n + np.arange(n),
                    base + np.arange(n),
                    np.where(self._poisson.held.ravel(), 0.0, -self._valence(k) * below),
                )
                doors = self.doors[k]
                of_psi = (
                    self.rates_at_doors[k] / doors.widths * trial.through[k].of_rise * self._charge(k) * self._share_of_psi(k)
                )
                add(base + doors.cells, count * n + doors.cells, -of_psi)
                add(base + doors.cells, count * n + doors.beyond, of_psi)
        flows = [
            Flow(self.faces[k], rate * trial.fluxes[k].of_rise, self.doors[k], at_door * trial.through[k].of_rise)
            for k, (rate, at_door) in enumerate(zip(self.rates, self.rates_at_doors, strict=True))
        ]
        for one in self.rooms.entries(trial, self.density_slopes(trial), flows):
            add(one.row * n + one.row_cells, one.column * n + one.column_cells, one.values)
        if self.coupling is not None:
            poisson = self._poisson.regular_matrix.tocoo()
            add(count * n + poisson.row, count * n + poisson.col, poisson.data / self.unit_charge**2)
        shape = (len(trial.unknowns) * n,) * 2
        return csc_matrix((np.concatenate(values), (np.concatenate(rows), np.concatenate(columns))), shape=shape)

    def response(self, trial: Trial, change: Array) -> Array:
        """What the nonlocal fields add to the product of the derivative with a change of the unknowns."""
        below = self.density_slopes(trial)
        by_name = {name: (change[k] * below[k]).reshape(self.grid.shape) for k, name in enumerate(self.names)}
        state, out = self.state_of(trial.rho), np.zeros_like(change)
        for k, name in enumerate(self.names):
            acting = (term for term in self.nonlocal_terms.terms if name in term.involves)
            field = np.zeros(change.shape[1])
            for term in acting:
                share = self.after if isinstance(term, JointPair) else 1.0
                field = field + share * term.factor * term.response(name, state, by_name).ravel()
            faces = self.faces[k]
            part = self.rates[k] / faces.widths * trial.fluxes[k].of_rise * (field[faces.right] - field[faces.left])
            np.add.at(out[k], faces.left, part)
            np.add.at(out[k], faces.right, -part)
            doors = self.doors[k]
            rise = (field[doors.beyond] - field[doors.cells]) / 2
            np.add.at(out[k], doors.cells, self.rates_at_doors[k] / doors.widths * trial.through[k].of_rise * rise)
        return out

    def fields_at(self, rho: Array) -> Array:
        """The fields of the nonlocal terms on every species."""
        if not self.nonlocal_terms:
            return np.zeros_like(rho)
        if not np.isfinite(rho).all():
            return np.full_like(rho, np.nan)
        after, middle = self.state_of(rho), self.state_of(self.after * rho + (1 - self.after) * self.mu)
        out = np.zeros_like(rho)
        for k, name in enumerate(self.names):
            for term in self.nonlocal_terms.terms:
                if name in term.involves:
                    at = middle if isinstance(term, JointPair) else after
                    out[k] += term.factor * term.field(name, at).ravel()
        return out

    def _own(self, k: int, rho: Array, u: Array) -> Array:
        """What the density of a species adds to its potential: all of U' but the entropy, and the pressure."""
        local = self.local[k]
        own = steady_part(local).derivative(np.maximum(rho, 0.0))
        if np.isfinite(local.cap):
            own = own + self.stiffness[k] * np.maximum(u / local.cap - 1, 0.0)
        return own

    def _slope(self, k: int, trial: Trial, below: Array) -> tuple[Array, Array]:
        """The derivative of U', but for the entropy, in the unknown, and how far that of the pressure P exceeds rho times it.

        d P = s d U' is 0 in vacuum, and Newton's method would fill one cell after the other. There both are those of a trace.
        ``below`` is d rho / du.
        """
        local, rho = self.local[k], trial.rho[k]
        steady = steady_part(local)
        if not steady.strictly_convex:
            return np.zeros_like(rho), np.zeros_like(rho)
        largest = max(float(rho.max()), float(self.doors[k].densities.max(initial=0.0)))
        trace = max(trial.trace, _LEAST_TRACE) * largest
        slope = np.where(trial.unknowns[k] < local.cap, steady.curvature(np.maximum(rho, trace)) * below, 0.0)
        return slope, slope * np.maximum(trace - rho, 0.0)

    def _pressure_slope(self, k: int, trial: Trial) -> Array:
        """The derivative of the pressure of a bound in the unknown."""
        cap, u = self.local[k].cap, trial.unknowns[k]
        return self.stiffness[k] / cap * (u > cap) if np.isfinite(cap) else np.zeros_like(u)

    def _flux(self, k: int, left: Array, right: Array, rise: Array, widths: Array) -> Flux:
        local = self.local[k]
        if local.entropy > 0:
            return scharfetter_gummel(local.entropy, left, right, rise, widths)
        if (steady := steady_part(local)).strictly_convex:
            return nonlinear_diffusion(steady, left, right, rise, widths)
        flux = upwind(left, right, rise, widths)
        c, m = fast_diffusion(local)
        if c > 0:
            flux = flux._replace(value=flux.value + c * (left**m - right**m) / widths)
        return flux

    def _through(self, k: int, rho: Array, outer: Array, electric: Array, own: Array) -> tuple[Flux, Array]:
        """The flux out of the doors, to the densities on their faces half a cell away, and the potentials there.

        V and fields are means there. So is psi, but on the faces of electrodes, which hold it.
        """
        doors = self.doors[k]
        there = self._own(k, doors.densities, unknown_of(self.local[k], doors.densities))
        there = there + self.rooms.at_doors(k, rho, doors, self.local) + (outer[doors.beyond] + outer[doors.cells]) / 2
        share = self._share_of_psi(k)
        there = there + share * electric[doors.beyond] + (1 - share) * electric[doors.cells]
        rise = there - (outer + electric + own)[doors.cells]
        flux = self._flux(k, rho[k][doors.cells], doors.densities, rise, doors.widths / 2)
        return with_given(flux, self.given[k]), there

    def _share_of_psi(self, k: int) -> Array:
        """By door face, the part of the rise of psi to the cell beyond that lies before the face."""
        beyond = self.doors[k].beyond
        held = np.zeros(len(beyond), dtype=bool) if self.coupling is None else self._poisson.held.ravel()[beyond]
        return np.where(held, 1.0, 0.5)

    def _valence(self, k: int) -> float:
        """The valence of a species, in units of the largest."""
        assert self.coupling is not None
        return self.coupling.coupling.charges.get(self.names[k], 0.0) / self.unit_charge

    def _charge(self, k: int) -> float:
        assert self.coupling is not None
        return self.coupling.factor * self._valence(k)

    def _charge_density(self, rho: Array) -> Array:
        """The density of charge, in units of the largest valence."""
        assert self.coupling is not None
        charge = sum((self._valence(k) * part for k, part in enumerate(rho)), np.zeros(rho.shape[1]))
        return charge + doping_on(self.coupling.coupling, self.grid).ravel() / self.unit_charge

    def _psi_of(self, charge: Array) -> Array:
        """The unknown of psi that a charge makes."""
        return self.unit_charge * self._poisson.solve(self.unit_charge * charge).ravel()

    @cached_property
    def _poisson(self) -> Elliptic:
        assert self.coupling is not None
        return self.coupling.coupling.operator(self.grid)
