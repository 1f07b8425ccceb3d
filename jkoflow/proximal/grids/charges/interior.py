"""The state of least energy at given masses by an interior point method, with the densities as unknowns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from ...._log import log_iteration
from ...._status import Status
from ...._typing import Array, Mask
from ....linear import gmres
from ..conjugate import Conjugate
from .screening import Screening

_TO_THE_WALL, _GROWTH = 0.995, 2.0  # shares of a density: the most that a step takes from it, and adds to it
_WHOLE = 0.5  # the part of a step from which its length tells the distance to the answer
_FIRST, _LEAST, _MOST = 0.1, 1e-3, 0.5  # the share of the products of densities and multipliers that a step aims at
_CURVATURE = 1e-7  # of U'' in a Newton step, in units of the potential per mean density: see ``_newton_step``
_VACUUM = 1e4  # ratio of a multiplier and a density; less is not taken away, because a strong coupling multiplies it
_ACCURACY, _PRODUCTS = 1e-10, 60  # of GMRES


class InteriorSolution(NamedTuple):
    """Densities and constants mu_i by species, the status, the number of iterations, and the residual."""

    rho: Array
    levels: Array
    status: Status
    iterations: int
    residual: float


class _Inside(NamedTuple):
    """By species: densities > 0, their room below the bounds > 0, and the multipliers of both >= 0.

    Without a bound the room is infinite, and its multiplier 0. A change of them has the same form.
    """

    rho: Array
    room: Array
    low: Array
    high: Array


@dataclass(frozen=True, eq=False)
class InteriorPoint:
    """The least of  sum_i int U_i(rho_i) + V_i rho_i + 1/2 int |grad psi|^2  with  0 <= rho_i <= cap_i  and given masses.

        U_i'(rho_i) + V_i + z_i psi - low_i + high_i = mu_i,      low_i rho_i = high_i (cap_i - rho_i) = theta_i -> 0

    A Newton step changes the densities and the multipliers low_i, high_i >= 0 together. All stay positive. theta_i falls as
    fast as the lengths of the steps allow.

    It is made for energies with U''(0) = 0, like RenyiEntropy(m > 2). For them psi does not tell the densities at the edge of
    the mass: (U*)'(mu - V - z psi) changes by the rounding of psi to the power 1 / (m - 1). Such cells may be many: a species
    alone gathers at the walls and leaves a core without charge, where psi is constant, and rho and its multiplier are 0.

    Source: Wright, Primal-dual interior-point methods (1997), chapter 1.

    Attributes
    ----------
    screening : Screening
        The coupling by charge.
    conjugates : sequence of Conjugate
        By species, with the local energy.
    totals : array of shape (species,)
        The sums of the densities over the cells.
    charge_of : callable
        Densities -> their charge, plus the doping.
    """

    screening: Screening
    conjugates: Sequence[Conjugate]
    totals: Array
    charge_of: Callable[[Array], Array]

    def solve(self, tolerance: float, most: int) -> InteriorSolution:
        """Iterate from constant densities until the residual is at most ``tolerance``, at most ``most`` times.

        The residual is the largest of two numbers, over all species: the L1 length of a Newton step of the densities, in units
        of the mass, and the sum of the products low rho and high room, in units of the mass and of the potentials. One more
        step is taken at the end: the masses are right once the steps are short.
        """
        total = self._per_species(self.totals)
        mean = total / self._sum(self._allowed)
        rho, first = np.where(self._allowed, mean, 0.0), self._first(np.where(self._allowed, mean, 0.0))
        span = max(float(np.ptp(one[inside])) for one, inside in zip(first, self._allowed, strict=True))
        size = span + mean * self._per_species(self._curvature(rho).reshape(len(rho), -1).max(axis=1))  # of the potentials
        unit, room = size / mean, self._caps - rho
        inside = _Inside(rho, room, size * mean * self._inverse(rho), size * mean * self._inverse(room))
        share, residual, close = _FIRST, np.inf, False
        for iterations in range(most):
            change = self._newton_step(inside, first, share, _CURVATURE * unit)
            residual = max(
                float((self._sum(np.abs(change.rho)) / total).max()), float((self._gap(inside) / (size * total)).max())
            )
            log_iteration("equilibrium", iterations, residual)
            if not np.isfinite(residual):
                return self._solution(inside, first, unit, Status.NOT_FINITE, iterations, residual)
            length = _longest(inside, change)
            inside = _Inside(*(value + length * way for value, way in zip(inside, change, strict=True)))
            first = self._first(inside.rho)
            if close and residual <= tolerance:
                return self._solution(inside, first, unit, Status.CONVERGED, iterations + 1, residual)
            close = residual <= tolerance and length > _WHOLE
            share = min(_MOST, max((1 - length) ** 2, _LEAST))
        return self._solution(inside, first, unit, Status.ITERATION_LIMIT, most, residual)

    def _newton_step(self, inside: _Inside, first: Array, share: float, trace: Array) -> _Inside:
        """The step to the linearised equations, with theta_i the ``share`` of the present mean of the products.

        ``trace`` is added to U'', which bounds the response of a density to psi. It shortens steps a little where U'' vanishes,
        and does not change the answer.
        """
        by_rho, by_room = self._inverse(inside.rho), self._inverse(inside.room)
        theta = share * self._gap(inside) / self._sum(np.where(by_rho > 0, 1.0, 0.0) + np.where(by_room > 0, 1.0, 0.0))
        stiffness = self._curvature(inside.rho) + trace + inside.low * by_rho + inside.high * by_room
        response = np.where(self._allowed, 1 / stiffness, 0.0)
        change = self._response(
            response, first - theta * by_rho + theta * by_room, self._per_species(self.totals) - self._sum(inside.rho)
        )
        low = theta * by_rho - inside.low - inside.low * by_rho * change
        high = theta * by_room - inside.high + inside.high * by_room * change
        return _Inside(change, -change, low, high)

    def _gap(self, inside: _Inside) -> Array:
        """The sum of all products by species: in the limit, the most by which the energy is above the least."""
        return self._sum(inside.low * inside.rho + np.where(inside.high > 0, inside.high * inside.room, 0.0))

    def _response(self, response: Array, force: Array, missing: Array) -> Array:
        """The changes  - response_i (force_i + z_i psi - mu_i)  of the densities, of which psi is the potential.

        The constants mu_i are such that the sums of the changes are ``missing``. GMRES solves for the change of the charge.

        Every row is divided by its diagonal, because responses differ by many orders. The changes then follow from the charge
        rather than from psi alone, whose rounding the response magnifies.
        """
        z, total = self._per_species(self.screening.charged.valences), self._sum(response)
        charged, reaction = self.screening.charged, (z**2 * response).sum(axis=0)
        psi_of_cell = charged.multiple / charged.coupling.permittivity / sum(2 / h**2 for h in charged.grid.spacing)
        cycle, weight = charged.cycle_of_psi(reaction), 1 + psi_of_cell * reaction

        def apply(charge: Array) -> Array:
            psi = self.screening.psi(charge)
            return (charge + (z * response * (z * psi - self._sum(response * z * psi) / total)).sum(axis=0)) / weight

        mu = (self._sum(response * force) + missing) / total
        right = -(z * response * (force - mu)).sum(axis=0) / weight
        charge = gmres(apply, right, lambda b: b * weight - reaction * cycle(b * weight), _ACCURACY, _PRODUCTS)
        force = force + z * self.screening.psi(charge)
        change = -response * (force - (self._sum(response * force) + missing) / total)
        return change + z * response / np.maximum(reaction, np.finfo(float).tiny) * (charge - (z * change).sum(axis=0))

    def _solution(
        self, inside: _Inside, first: Array, unit: Array, status: Status, iterations: int, residual: float
    ) -> InteriorSolution:
        """The solution at a point: vacuum is made empty, and rounding is taken from the masses. mu_i is the mean over the mass.

        Vacuum is where the multiplier is much larger than the density, in units of the potentials and of the mean density.
        The mass goes where there is room.
        """
        empty = (inside.low > _VACUUM * unit * inside.rho) & self._has_vacuum
        rho = np.where(empty, 0.0, inside.rho)
        room = rho * np.where(inside.room < np.inf, inside.room / self._caps, 1.0)
        rho = np.minimum(rho + (self._per_species(self.totals) - self._sum(rho)) * room / self._sum(room), self._caps)
        total = self._sum(rho)
        levels = self._sum(rho * (first - inside.low + inside.high)) / total
        return InteriorSolution(rho, levels.ravel(), status, iterations, residual)

    def _first(self, rho: Array) -> Array:
        """U' + V + z psi by species; 0 in obstacles."""
        psi = self.screening.psi(self.charge_of(rho))
        rows = zip(self.conjugates, rho, self.screening.charged.valences, strict=True)
        return np.stack(
            [np.where(c.local.forbidden, 0.0, c.derivative(one) + c.local.potential + z * psi) for c, one, z in rows]
        )

    def _curvature(self, rho: Array) -> Array:
        """U'' by species; 0 in obstacles."""
        with np.errstate(divide="ignore", invalid="ignore"):
            rows = [c.curvature(one) for c, one in zip(self.conjugates, rho, strict=True)]
        return np.where(self._allowed, np.stack(rows), 0.0)

    @cached_property
    def _allowed(self) -> Mask:
        """The cells outside of obstacles, by species."""
        return np.stack([~conjugate.local.forbidden for conjugate in self.conjugates])

    @cached_property
    def _caps(self) -> Array:
        """The bounds of the densities, by species."""
        return self._per_species(np.array([conjugate.local.cap for conjugate in self.conjugates]))

    @cached_property
    def _has_vacuum(self) -> Mask:
        """Whether U'(0) is finite, so that a density may be 0, by species."""
        finite = np.array([np.isfinite(conjugate.derivative(np.zeros(1)))[0] for conjugate in self.conjugates])
        return self._per_species(finite) > 0

    def _inverse(self, values: Array) -> Array:
        """1 / values; 0 in obstacles."""
        return np.where(self._allowed, 1 / np.where(self._allowed, values, 1.0), 0.0)

    def _per_species(self, numbers: Array) -> Array:
        """One number per species, to be multiplied with densities."""
        return numbers.reshape(-1, *(1,) * self.screening.charged.grid.dim)

    def _sum(self, values: Array | Mask) -> Array:
        """The sum over the cells, by species."""
        return self._per_species(values.reshape(len(values), -1).sum(axis=1, dtype=float))


def _longest(inside: _Inside, change: _Inside) -> float:
    """The part of a step, at most 1, at which everything is still positive and no density has grown too much."""
    with np.errstate(divide="ignore", invalid="ignore"):
        relative = [np.where(value > 0, way / value, 0.0) for value, way in zip(inside, change, strict=True)]
    shrinks = max(float(-one.min()) for one in relative)
    grows = float(relative[0].max())
    return min(1.0, _TO_THE_WALL / max(shrinks, _TO_THE_WALL), _GROWTH / max(grows, _GROWTH))
