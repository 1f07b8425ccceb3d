"""The laws that energies, step solvers and schemes obey, for users to try on their own parts.

Each check measures, raises AssertionError with a sentence when a law is broken, and returns what it measured.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ._typing import Array
from .flow import evolve
from .laws import Law, State
from .measures import Density, Measure, OrderedPoints, Quantiles, Species
from .proximal import ProximalStep, StepSolver
from .schemes import Scheme
from .transport import wasserstein2

__all__ = ["EnergyReport", "OrderReport", "SolverReport", "check_energy", "check_scheme", "check_solver"]


def __dir__() -> list[str]:
    return __all__


@dataclass(frozen=True)
class EnergyReport:
    """``slope``: the observed order of the Taylor remainder, inf where it is rounding (a linear energy); ``remainders``."""

    slope: float
    remainders: tuple[float, ...]


@dataclass(frozen=True)
class SolverReport:
    """What a step solver was seen to do.

    ``mass_error`` is relative; ``descent`` is E(anchor) minus the objective reached; ``worst_perturbation`` is the least change
    of the objective over smooth transports of the answer, in 1-D (NaN otherwise).
    """

    mass_error: float
    descent: float
    worst_perturbation: float


@dataclass(frozen=True)
class OrderReport:
    """``order``: observed from the two finest steps; ``errors`` at every dt."""

    order: float
    errors: tuple[float, ...]


def check_energy(energy: Law, state: State, *, species: str = "", seed: int = 0) -> EnergyReport:
    """E(rho + s eta) = E(rho) + s <dE/d rho, eta> + O(s^2) for smooth eta of zero mass that vanish with rho: three.

    Also that 2 E and E + E have twice the value and the first variation. Use a state without vacuum, of densities or
    quantiles.

    >>> import jkoflow as jf
    >>> rho = jf.Grid.box((0, 1), cells=32).density(lambda x: 1 + x)
    >>> round(check_energy(jf.Entropy(), rho).slope, 1)
    2.0
    """
    held = energy.check(state)
    rng = np.random.default_rng(seed)
    reports = [_taylor(energy, held, species, rng) for _ in range(3)]
    base, variation = energy(held), energy.first_variation(held, species)
    for twice in (2 * energy, energy + energy):
        assert np.isclose(twice(held), 2 * base, rtol=1e-12), f"{twice!r} is not twice {energy!r}"
        assert np.allclose(twice.first_variation(held, species), 2 * variation, rtol=1e-12), f"{twice!r}: first variation"
    return min(reports, key=lambda report: report.slope)


def _taylor(energy: Law, state: Species, species: str, rng: np.random.Generator) -> EnergyReport:
    """The Taylor remainder along one random direction."""
    measure = state[species]
    share = _smooth_field(measure, rng)
    share = share - measure.expectation(share) / measure.mass
    variation = energy.first_variation(state, species)
    slope = measure.expectation(variation * share)
    sizes = 0.2 * 0.25 ** np.arange(4) / max(1.0, float(np.abs(share).max()))

    def value(s: float) -> float:
        return energy(Species({**state, species: _reweighted(measure, 1 + s * share)}))

    base = value(0.0)
    remainders = np.array([abs(value(s) - base - s * slope) for s in sizes])
    noise = 1e-13 * (abs(base) + abs(slope) + measure.expectation(np.abs(variation * share)))
    order = np.inf if remainders[0] <= noise else float(np.log(remainders[-2] / remainders[-1]) / np.log(4))
    assert order > 1.9, f"the first variation of {energy!r} misses its Taylor expansion: order {order:.2f}, not 2"
    return EnergyReport(order, tuple(float(r) for r in remainders))


def check_solver(solver: StepSolver, step: ProximalStep, *, tolerance: float = 1e-3, seed: int = 0) -> SolverReport:
    """A solver's answer keeps mass and sign, does not raise the objective above that of standing still, and on the line cannot
    be improved by small smooth transports.

    The objective is computed apart from the solver, with ``wasserstein2``: sum W2^2 / (2 tau alpha) + E. ``tolerance`` bounds
    what a perturbation may gain, relative to the energy spent by the step: it makes room for the solver's stated bias and
    the grid.

    >>> import jkoflow as jf
    >>> rho = jf.Species.of(jf.Grid.box((0, 1), cells=64).density(lambda x: 1 + x))
    >>> report = check_solver(jf.Entropic(), jf.ProximalStep(jf.Entropy(), rho, tau=0.05))
    >>> report.mass_error < 1e-12 and report.descent > 0
    True
    """
    answer = solver.solve(step)
    assert answer.status.ok, f"{solver!r} did not solve the step: {answer.status}"
    names = list(step.anchor)
    mass_error = max(abs(answer.state[n].mass / step.anchor[n].mass - 1) for n in names)
    assert mass_error < 1e-9, f"{solver!r} changed the mass by {mass_error:.1e} of itself"

    def objective(state: Species) -> float:
        moved = sum(wasserstein2(state[n], step.anchor[n]) ** 2 / (2 * step.weight(n)) for n in names)
        return moved + step.energy(state)

    at_anchor, reached = step.energy(step.anchor), objective(answer.state)
    assert np.isfinite(reached), f"{solver!r} gave a state of infinite energy"
    scale = abs(at_anchor - reached) if np.isfinite(at_anchor) else abs(reached)
    assert reached <= at_anchor + tolerance * scale, f"{solver!r} raised the objective by {reached - at_anchor:.3g}"
    if step.anchor.kind is Density and step.anchor.grid.dim > 1:
        return SolverReport(mass_error, at_anchor - reached, np.nan)
    worst = np.inf
    rng = np.random.default_rng(seed)
    for name in names:
        for _ in range(6):
            for moved in _transported(answer.state[name], rng):
                worst = min(worst, objective(Species({**answer.state, name: moved})) - reached)
    assert worst >= -tolerance * scale, f"{solver!r}: a smooth transport lowers the objective by {-worst:.3g}"
    return SolverReport(mass_error, at_anchor - reached, worst)


def check_scheme(
    scheme: Scheme,
    law: Law,
    state: Measure | Species,
    *,
    error: Callable[[Any], float],
    t_end: float,
    dts: Sequence[float],
    within: float = 0.15,
) -> OrderReport:
    """The error at ``t_end`` falls with dt at the order that the scheme declares, within 0.15.

    ``error`` measures the final state against a reference; ``dts`` fall by a constant factor.

    >>> import jkoflow as jf
    >>> rho = jf.Grid.box((-6, 6), cells=96).density(lambda x: np.exp(-(x**2)))
    >>> heat = jf.OrnsteinUhlenbeck(mean=0.0, variance=float(rho.covariance), stiffness=0.0)
    >>> off = lambda rho: abs(float(rho.covariance) - heat.flow(0.4)[1])
    >>> 0.85 < check_scheme(jf.JKO(), jf.Entropy(), rho, error=off, t_end=0.4, dts=[0.2, 0.1]).order < 1.15
    True
    """
    errors = [error(evolve(law, state, scheme=scheme, dt=dt, t_end=t_end).final) for dt in dts]
    order = float(np.log(errors[-2] / errors[-1]) / np.log(dts[-2] / dts[-1]))
    assert abs(order - scheme.order) <= within, f"{scheme!r} declares order {scheme.order}, observed {order:.2f}: {errors}"
    return OrderReport(order, tuple(errors))


def _reweighted(measure: Density | Quantiles, factor: Array) -> Density | Quantiles:
    """The measure with another density, factor by factor."""
    if isinstance(measure, Quantiles):
        return replace(measure, masses=measure.masses * factor)
    return measure.like(measure.values * factor)


def _transported(measure: Density | Quantiles | OrderedPoints, rng: np.random.Generator) -> list[Measure]:
    """The measure moved along a random smooth field by several small amounts."""
    sizes = (0.1, -0.1, 0.01, -0.01)
    if isinstance(measure, Density):
        flux = _smooth_flux(measure, rng)
        return [measure.like(measure.values - size * flux) for size in sizes]
    if isinstance(measure, OrderedPoints):
        shifts = np.cos(np.outer(measure.points - measure.points[0], np.arange(1, 5)) / (np.ptp(measure.points) or 1.0))
        shift = shifts @ rng.normal(size=4)
        return [OrderedPoints(np.sort(measure.points + size * shift), measure.masses) for size in sizes]
    low, high = measure.nodes[[0, -1]] if measure.walls is None else measure.walls
    waves = np.pi * np.arange(1, 5)
    at = (measure.nodes[:, None] - low) / max(high - low, 1e-300) * waves
    shapes = np.sin(at) if measure.walls is not None else np.cos(at)
    field = shapes @ (rng.normal(size=4) / waves)
    slope = np.abs(np.diff(field)) / np.maximum(measure.widths, 1e-300)
    field /= max(float(slope[measure.widths > 0].max(initial=0.0)), float(np.abs(field).max()), 1e-300)
    return [measure.like(measure.nodes + size * field) for size in sizes]


def _smooth_field(measure: Density | Quantiles, rng: np.random.Generator) -> Array:
    """A random sum of the lowest cosine modes of the box."""
    if isinstance(measure, Quantiles):
        along = (measure.points - measure.nodes[0]) / (measure.nodes[-1] - measure.nodes[0])
        return np.asarray(np.cos(np.pi * np.outer(along, rng.integers(0, 4, 4))) @ rng.normal(size=4))
    field = np.zeros(measure.grid.shape)
    for _ in range(4):
        mode = np.ones(measure.grid.shape)
        for x, (low, high) in zip(measure.grid.mesh, measure.grid.bounds, strict=True):
            mode = mode * np.cos(np.pi * rng.integers(0, 4) * (x - low) / (high - low))
        field += rng.normal() * mode
    return field


def _smooth_flux(measure: Density, rng: np.random.Generator) -> Array:
    """div(rho zeta) for a random smooth field zeta that vanishes at the walls, on the faces of a 1-D grid.

    Scaled so that the density changes by at most itself.
    """
    low, high = measure.grid.bounds[0]
    edges = np.linspace(low, high, measure.grid.shape[0] + 1)[1:-1]
    zeta = sum(rng.normal() * np.sin(np.pi * k * (edges - low) / (high - low)) for k in range(1, 5))
    density = np.minimum(measure.values[1:], measure.values[:-1])
    through = np.concatenate([[0.0], density * zeta, [0.0]])
    flux = np.diff(through) / measure.grid.spacing[0]
    held = measure.values > 0
    return np.asarray(flux / max(float(np.abs(flux[held] / measure.values[held]).max()), 1e-300))
