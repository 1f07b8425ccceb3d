"""The motion of a density on phase space in its velocities alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...._typing import Array
from ....kernels import CustomKernel
from ....laws import Combination
from ....laws.forms import Damping, VelocityPull
from ....linear import phi
from ....measures import PhaseDensity, Species
from ....pull_back import moved_along
from ...problem import Problem

_FAR = 1e12  # a stretch that leaves nothing of a line but one point
_ROUNDS, _SETTLED = 100, 1e-13  # of the iteration for the momenta that align one another, and the relative change that ends it


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
    """

    masses: Species
    pushes: dict[str, Array]
    rates: dict[str, Array]
    pulls: list[tuple[str, str, CustomKernel]]

    @classmethod
    def of(cls, problem: Problem, masses: Species, time: float, epsilons: list[float], drag: float) -> PhaseMotion:
        """The motion at a time. Raises ValueError if a force is not finite."""
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
                case VelocityPull():
                    kernel = _of_the_distance(form, factor / times[form.moves])
                    rates[form.moves] += places[form.by].grid.convolve(kernel, places[form.by].values)
                    pulls.append((form.moves, form.by, kernel))
                case _:
                    rest.append((factor, term))
        frozen = Combination(tuple(rest)).frozen_at(places, self_terms=True)
        pushes = {}
        for name, rho in places.items():
            variation = frozen.first_variation(places, name)
            if not np.isfinite(variation).all():
                raise ValueError(f"the force on species {name!r} must be finite: Kinetic takes no entropy next to vacuum")
            slopes = [np.gradient(variation, h, axis=axis, edge_order=2) for axis, h in enumerate(rho.grid.spacing)]
            pushes[name] = -instant.mobilities[name] / times[name] * np.stack(slopes)
        return cls(masses, pushes, rates, pulls)

    def after(self, h: float) -> Species:
        """The densities after a time h: lines of cells of velocity are moved by v -> exp(-L h) v + (1 - exp(-L h)) f / L."""
        pushes = self._aligned(h) if self.pulls else self.pushes
        return Species({name: _moved(f, self.rates[name], pushes[name], h) for name, f in self.masses.items()})

    def _aligned(self, h: float) -> dict[str, Array]:
        """f with the momenta that align, as their exponential mean over the time h.

        The momenta at its end depend on f. They are found by iteration, which contracts by psi * rho / (epsilon L).
        """
        start = {name: f.momentum_density for name, f in self.masses.items()}
        end, pushes = dict(start), self.pushes
        rho = {name: f.places.values for name, f in self.masses.items()}
        phis = {name: phi(3, h * rate) for name, rate in self.rates.items()}
        for _ in range(_ROUNDS):
            pushes = {name: push.copy() for name, push in self.pushes.items()}
            for a, b, kernel in self.pulls:
                share = phis[a][2] / phis[a][1]  # 1/2 if h is short, 1 if the velocities relax within it
                for axis, (first, last) in enumerate(zip(start[b], end[b], strict=True)):
                    grid = self.masses[b].space
                    pushes[a][axis] += (1 - share) * grid.convolve(kernel, first) + share * grid.convolve(kernel, last)
            then = {name: phis[name][0] * start[name] + h * phis[name][1] * rho[name] * pushes[name] for name in start}
            change = max(float(np.abs(then[name] - end[name]).max()) for name in start)
            size = max(float(np.abs(then[name]).max()) for name in start)
            end = then
            if change <= _SETTLED * size:
                break
        return pushes


def _of_the_distance(form: VelocityPull, factor: float) -> CustomKernel:
    """factor psi as a kernel."""
    return CustomKernel(lambda *x: factor * np.asarray(form.psi(np.sqrt(sum(np.square(c) for c in x)))))


def _moved(f: PhaseDensity, rate: Array, push: Array, h: float) -> PhaseDensity:
    """The density whose lines of velocity are moved by the exact flow of dv/dt = push - rate v for a time h."""
    values = f.values
    stretch = np.minimum(np.exp(np.minimum(h * rate, 600.0)), _FAR)
    with np.errstate(divide="ignore", invalid="ignore"):
        reach = np.where(np.abs(h * rate) < 1e-8, h, (stretch - 1) / rate)
    for axis, (dv, (low, _)) in enumerate(zip(f.velocity.spacing, f.velocity.bounds, strict=True)):
        shifts = ((stretch - 1) * low - reach * push[axis]) / dv
        more = (1,) * (f.dim - 1)
        values = moved_along(values, f.dim + axis, shifts.reshape(shifts.shape + more), stretch.reshape(stretch.shape + more))
    return f.like(values)
