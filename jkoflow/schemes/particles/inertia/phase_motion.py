"""The motion of a density on phase space in its velocities alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ...._frozen import FrozenMapping
from ...._typing import Array
from ....fields import Field
from ....kernels import CustomKernel
from ....laws import Combination, Law
from ....laws.forms import Damping, VelocityPull
from ....linear import krylov_phi, phi
from ....measures import PhaseDensity, Species
from ....pull_back import moved_along
from ...problem import Problem

_FAR = 1e12  # a stretch that leaves nothing of a line but one point
_TOLERANCE, _MOST = 1e-12, 400  # of mean velocities that align, relative; the most products for them


@dataclass
class PhaseMotion:
    """The motion dv/dt = f - L v at every place, with f and L of one instant.

        f = (F + sum_b psi * (rho_b u_b)) / epsilon,    L = (drag + gamma + sum_b psi * rho_b) / epsilon

    Here F = -alpha grad dE/d rho. The sums are over the alignments of the species.

    Attributes
    ----------
    masses : Species
    pushes : dict of arrays (d, ...)
        F / epsilon over the grid of places.
    rates : dict of arrays (...)
        L.
    pulls : list of (a, b, psi)
        The alignments; psi divided by the epsilon of a, as a kernel.
    epsilons : dict of float
    """

    masses: Species
    pushes: dict[str, Array]
    rates: dict[str, Array]
    pulls: list[tuple[str, str, CustomKernel]]
    epsilons: dict[str, float]

    @classmethod
    def of(
        cls,
        problem: Problem,
        masses: Species,
        time: float,
        epsilons: list[float],
        drag: float,
        fields: Mapping[str, Field] = FrozenMapping(),
    ) -> PhaseMotion:
        """The motion at a time, in given fields. Raises ValueError if a force is not finite."""
        instant = problem.at(time)
        places = Species({name: f.places for name, f in masses.items()})
        times = dict(zip(masses, epsilons, strict=True))
        rates = {name: np.full(places[name].grid.shape, drag / times[name]) for name in masses}
        pulls: list[tuple[str, str, CustomKernel]] = []
        rest = []
        for factor, form, term in instant.law.forms.entries:
            match form:
                case Damping():
                    rates[form.species] += factor * form.rate / times[form.species]
                case VelocityPull() if form.groups > 1:
                    raise ValueError(f"groups of {term!r} are for particles, and a PhaseDensity has none: take groups=1")
                case VelocityPull() if form.period is not None:
                    raise ValueError(f"period of {term!r} is for particles, and a PhaseDensity has walls: take period=None")
                case VelocityPull():
                    kernel = _of_the_distance(form, factor / times[form.moves])
                    rates[form.moves] += places[form.by].grid.convolve(kernel, places[form.by].values)
                    pulls.append((form.moves, form.by, kernel))
                case _ if not form.is_signal:
                    rest.append((factor, term))
        forces = force_fields(Combination(tuple(rest)), places, instant.mobilities)
        for signal in instant.forms.signals.signals:
            for name, eta in signal.steering.items():
                grid = places[name].grid
                gradient = fields[signal.name].gradient_at(grid.points).reshape(grid.size, grid.dim)
                forces[name] = forces[name] + instant.mobilities[name] * eta * gradient.T.reshape(grid.dim, *grid.shape)
        pushes = {name: force / times[name] for name, force in forces.items()}
        return cls(masses, pushes, rates, pulls, times)

    def after(self, h: float) -> Species | None:
        """The densities after a time h: lines of cells of velocity are moved by v -> exp(-L h) v + gain. None if that fails.

        Without alignment gain = h phi_1(-h L) f. With it, the gain is what the mean velocities have beyond exp(-L h) u; they
        obey a linear equation, which is solved exactly.
        """
        phis = {name: phi(2, h * rate) for name, rate in self.rates.items()}
        if self.pulls:
            ends = self._mean_velocities(h)
            if ends is None:
                return None
            gains = {name: ends[name] - phis[name][0] * f.mean_velocity for name, f in self.masses.items()}
        else:
            gains = {name: h * phis[name][1] * push for name, push in self.pushes.items()}
        return Species({name: _moved(f, h * self.rates[name], gains[name]) for name, f in self.masses.items()})

    def _mean_velocities(self, h: float) -> dict[str, Array] | None:
        """The mean velocities after a time h in which the places stay, where there is mass.

        du/dt = f - L u + sum psi * (rho u): phi_0(-h M) u + h phi_1(-h M) f, from a Krylov space in the norm weighted by mass.
        """
        filled = {name: f.places.values > 0 for name, f in self.masses.items()}
        roots = {name: np.sqrt(f.places.values[filled[name]] * self.epsilons[name]) for name, f in self.masses.items()}
        dim = next(iter(self.masses.values())).dim

        def joined(u: dict[str, Array]) -> Array:
            return np.concatenate([(roots[name] * u[name][:, filled[name]]).ravel() for name in u])

        def parted(row: Array) -> dict[str, Array]:
            out, start = {}, 0
            for name, f in self.masses.items():
                size = dim * len(roots[name])
                out[name] = np.zeros((dim, *f.space.shape))
                out[name][:, filled[name]] = row[start : start + size].reshape(dim, -1) / roots[name]
                start += size
            return out

        def apply(row: Array) -> Array:
            u = parted(row)
            out = {name: self.rates[name] * u[name] for name in u}
            for a, b, kernel in self.pulls:
                moving = self.masses[b].places.values * u[b]
                out[a] = out[a] - np.stack([self.masses[b].space.convolve(kernel, part) for part in moving])
            return joined(out)

        start = {name: f.mean_velocity for name, f in self.masses.items()}
        of_start = krylov_phi(apply, joined(start), h, 1, _TOLERANCE, _MOST)
        of_push = krylov_phi(apply, joined(self.pushes), h, 2, _TOLERANCE, _MOST)
        return None if of_start is None or of_push is None else parted(of_start[0] + h * of_push[1])


def force_fields(law: Law, places: Species, mobilities: Mapping[str, float]) -> dict[str, Array]:
    """-alpha grad dE/d rho of every species over its grid of places, shape (d, ...), by central differences.

    Raises ValueError if it is not finite.
    """
    frozen = Combination(law.terms).frozen_at(places, self_terms=True)
    forces = {}
    for name, rho in places.items():
        variation = frozen.first_variation(places, name)
        if not np.isfinite(variation).all():
            raise ValueError(f"the force on species {name!r} must be finite: there must be no entropy next to vacuum")
        slopes = [np.gradient(variation, h, axis=axis, edge_order=2) for axis, h in enumerate(rho.grid.spacing)]
        forces[name] = -mobilities[name] * np.stack(slopes)
    return forces


def _of_the_distance(form: VelocityPull, factor: float) -> CustomKernel:
    """factor psi as a kernel."""
    return CustomKernel(lambda *x: factor * np.asarray(form.psi(np.sqrt(sum(np.square(c) for c in x)))))


def _moved(f: PhaseDensity, shrinking: Array, gain: Array) -> PhaseDensity:
    """The density whose lines of velocity are moved by v -> exp(-shrinking) v + gain."""
    values, stretch = f.values, np.minimum(np.exp(np.minimum(shrinking, 600.0)), _FAR)
    more = (1,) * (f.dim - 1)
    for axis, (dv, (low, _)) in enumerate(zip(f.velocity.spacing, f.velocity.bounds, strict=True)):
        shifts = ((stretch - 1) * low - stretch * gain[axis]) / dv
        values = moved_along(values, f.dim + axis, shifts.reshape(shifts.shape + more), stretch.reshape(stretch.shape + more))
    return f.like(values)
