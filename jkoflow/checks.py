"""Checks of energies, kernels, step solvers and schemes, for users who write their own.

Each check tests a law that every part of this kind obeys. It returns what it measured. It raises AssertionError with a sentence
if the law is broken.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ._typing import Array
from ._validate import positive, positive_integer
from .flow import evolve
from .kernels import Kernel, RadialKernel
from .laws import Law, State
from .measures import Density, Measure, OrderedPoints, Quantiles, Species
from .proximal import ProximalStep, StepSolver
from .schemes import Scheme
from .transport import wasserstein2

__all__ = [
    "EnergyReport",
    "KernelReport",
    "OrderReport",
    "SolverReport",
    "check_energy",
    "check_kernel",
    "check_scheme",
    "check_solver",
]


def __dir__() -> list[str]:
    return __all__


@dataclass(frozen=True)
class EnergyReport:
    """What ``check_energy`` measured.

    ``remainders`` are the Taylor remainders at falling sizes of the perturbation. ``slope`` is their observed order. It is inf
    if the remainders are rounding, as for a linear energy.

    >>> import jkoflow as jf
    >>> rho = jf.Grid.box((0, 1), cells=32).density(lambda x: 1 + x)
    >>> isinstance(jf.checks.check_energy(jf.Entropy(), rho), EnergyReport)
    True
    """

    slope: float
    remainders: tuple[float, ...]


@dataclass(frozen=True)
class SolverReport:
    """What ``check_solver`` measured.

    * ``mass_error`` is the relative error of the mass, the largest over the species.
    * ``descent`` is E(anchor) minus the objective at the answer, an energy.
    * ``worst_perturbation`` is the least change of the objective over smooth transports of the answer, an energy. It is NaN on
      grids in 2-D and 3-D.

    >>> import jkoflow as jf
    >>> step = jf.ProximalStep(jf.Potential(lambda x: x**2), jf.Species.of(jf.Quantiles([0.0, 1.0, 2.0])), tau=0.1)
    >>> bool(jf.checks.check_solver(jf.QuantileNewton(), step).mass_error < 1e-12)
    True
    """

    mass_error: float
    descent: float
    worst_perturbation: float


@dataclass(frozen=True)
class KernelReport:
    """What ``check_kernel`` measured.

    ``gradient_error`` is the largest difference of the gradient to central differences, as a share of its size.
    ``convexity`` is the least second difference of W over the square of the displacement: at least ``kernel.convexity``.

    >>> import jkoflow as jf
    >>> bool(jf.checks.check_kernel(jf.Quadratic()).gradient_error < 1e-6)
    True
    """

    gradient_error: float
    convexity: float


@dataclass(frozen=True)
class OrderReport:
    """What ``check_scheme`` measured: ``errors`` at every dt, and ``order``, observed from the two smallest dt.

    >>> OrderReport(order=1.02, errors=(0.1, 0.05)).order
    1.02
    """

    order: float
    errors: tuple[float, ...]


def check_energy(energy: Law, state: State, *, species: str = "", seed: int = 0) -> EnergyReport:
    """Check that the first variation of an energy is its derivative, and that sums and multiples behave.

    Two laws are tested:

    * E(rho + s eta) = E(rho) + s <dE/d rho, eta> + O(s^2), for three random smooth eta of zero mass that vanish with rho.
    * 2 E and E + E have twice the value and twice the first variation of E.

    The state must be of densities or quantiles, without vacuum. ``species`` is the species that is perturbed.

    >>> import jkoflow as jf
    >>> rho = jf.Grid.box((0, 1), cells=32).density(lambda x: 1 + x)
    >>> round(check_energy(jf.Entropy(), rho).slope, 1)
    2.0
    """
    checked_state = energy.check(state)
    rng = np.random.default_rng(seed)
    reports = [_taylor(energy, checked_state, species, rng) for _ in range(3)]
    value, variation = energy(checked_state), energy.first_variation(checked_state, species)
    for twice in (2 * energy, energy + energy):
        assert np.isclose(twice(checked_state), 2 * value, rtol=1e-12), f"{twice!r} is not twice {energy!r}"
        assert np.allclose(twice.first_variation(checked_state, species), 2 * variation, rtol=1e-12), (
            f"{twice!r}: first variation"
        )
    return min(reports, key=lambda report: report.slope)


def _taylor(energy: Law, state: Species, species: str, rng: np.random.Generator) -> EnergyReport:
    """The Taylor remainders along one random direction eta = share * rho, and their order."""
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
    return EnergyReport(order, tuple(float(remainder) for remainder in remainders))


def check_kernel(kernel: Kernel, *, dim: int = 1, length: float = 1.0, seed: int = 0) -> KernelReport:
    """Check that the parts of a kernel belong together.

    Three laws are tested at 200 random places, from a hundredth of ``length`` to ten times it:

    * W(-x) = W(x).
    * The gradient is the derivative of W. For a RadialKernel the slope and the curvature are those of the profile too.
    * W(x + h) + W(x - h) - 2 W(x) >= convexity |h|^2, if the kernel tells a convexity.

    A wrong gradient moves particles and quantiles wrongly, and no solver can see that.

    >>> import jkoflow as jf
    >>> wrong = jf.CustomKernel(lambda x: x**2 / 2, lambda x: 2 * x)
    >>> check_kernel(wrong)                                                         # doctest: +IGNORE_EXCEPTION_DETAIL
    Traceback (most recent call last):
    AssertionError: the gradient is not the derivative of W
    """
    positive("length", length)
    positive_integer("dim", dim)
    rng = np.random.default_rng(seed)
    sizes = length * 10 ** rng.uniform(-2, 1, 200)
    directions = rng.normal(size=(dim, 200))
    x = sizes * directions / np.linalg.norm(directions, axis=0)
    h = 1e-4 * sizes
    values = kernel(*x)
    assert np.abs(kernel(*-x) - values).max() <= 1e-10 * np.abs(values).max(), "W(-x) must be W(x)"
    gradient = np.reshape(kernel.gradient(*x), x.shape)
    steps = np.eye(dim)[:, :, None] * h
    differences = np.stack([(kernel(*(x + step)) - kernel(*(x - step))) / (2 * h) for step in steps])
    scale = np.linalg.norm(differences, axis=0) + np.abs(values) / sizes * 1e-4
    scale += _floor(scale)
    error = float((np.linalg.norm(gradient - differences, axis=0) / scale).max())
    assert error < 1e-4, f"the gradient is not the derivative of W: they differ by {error:.2g} of its size"
    if isinstance(kernel, RadialKernel):
        _check_profile(kernel, sizes)
    ways = rng.normal(size=(dim, 200))
    ways *= h / np.linalg.norm(ways, axis=0)
    bends = (kernel(*(x + ways)) + kernel(*(x - ways)) - 2 * values) / h**2
    least = float(bends.min())
    slack = 1e-6 * np.abs(bends).max() + 1e-14 * float((np.abs(values) / h**2).max())
    assert least >= kernel.convexity - slack, (
        f"W is {least:.6g}-convex at most, and tells a convexity of {kernel.convexity:.6g}"
    )
    return KernelReport(error, least)


def _floor(sizes: Array) -> float:
    """What counts as the least size of a derivative: tails may fall faster than differences can tell."""
    return float(1e-2 * np.median(sizes) + 1e-6 * sizes.max() + np.finfo(float).tiny)


def _check_profile(kernel: RadialKernel, r: Array) -> None:
    """Raise AssertionError if the slope or the curvature of a radial kernel is not that of its profile."""
    h = 1e-4 * r
    for name, found, of in (("slope", kernel.slope, kernel.profile), ("curvature", kernel.curvature, kernel.slope)):
        differences = (of(r + h) - of(r - h)) / (2 * h)
        scale = np.abs(differences) + 1e-4 * np.abs(of(r)) / r
        scale += _floor(scale)
        error = float((np.abs(found(r) - differences) / scale).max())
        assert error < 1e-4, f"{name} is not the derivative of {of.__name__}: they differ by {error:.2g} of its size"


def check_solver(solver: StepSolver, step: ProximalStep, *, tolerance: float = 1e-3, seed: int = 0) -> SolverReport:
    """Check that the answer of a step solver is a minimiser of the step.

    Four laws are tested:

    * The solver says that it solved the step.
    * The mass of every species is kept. (Its sign is kept by the measures, which refuse negative mass.)
    * The objective at the answer is finite, and not above the objective at the anchor.
    * On the line no small smooth transport of the answer lowers the objective.

    The objective is sum W2^2 / (2 tau alpha) + E. It is computed without the solver, with ``wasserstein2``. ``tolerance`` is
    the largest gain that is allowed, as a share of the fall of the objective in the step. It leaves room for the stated bias of
    the solver and for the grid.

    >>> import jkoflow as jf
    >>> rho = jf.Species.of(jf.Grid.box((0, 1), cells=64).density(lambda x: 1 + x))
    >>> report = check_solver(jf.Entropic(), jf.ProximalStep(jf.Entropy(), rho, tau=0.05))
    >>> report.mass_error < 1e-12 and report.descent > 0
    True
    """
    answer = solver.solve(step)
    assert answer.status.ok, f"{solver!r} did not solve the step: {answer.status}"
    names = list(step.anchor)
    mass_error = max(abs(answer.state[name].mass / step.anchor[name].mass - 1) for name in names)
    assert mass_error < 1e-9, f"{solver!r} changed the mass by {mass_error:.1e} of itself"

    def objective(state: Species) -> float:
        transport = sum(wasserstein2(state[name], step.anchor[name]) ** 2 / (2 * step.weight(name)) for name in names)
        return transport + step.energy(state)

    at_anchor, reached = step.energy(step.anchor), objective(answer.state)
    assert np.isfinite(reached), f"{solver!r} gave a state of infinite energy"
    scale = abs(at_anchor - reached) if np.isfinite(at_anchor) else abs(reached)
    assert reached <= at_anchor + tolerance * scale, f"{solver!r} raised the objective by {reached - at_anchor:.3g}"
    if issubclass(step.anchor.kind, Density) and step.anchor.grid.dim > 1:
        return SolverReport(mass_error, at_anchor - reached, np.nan)
    worst = np.inf
    rng = np.random.default_rng(seed)
    for name in names:
        for _ in range(6):
            for perturbed in _transported(answer.state[name], rng):
                worst = min(worst, objective(Species({**answer.state, name: perturbed})) - reached)
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
    """Check that the error at ``t_end`` falls with dt at the order that the scheme declares.

    ``error`` is a function of the final state that returns its error against a reference. ``dts`` are the steps to try, from
    large to small. The order is observed between the two last of them. It may differ from the declared order by ``within``.

    >>> import jkoflow as jf
    >>> rho = jf.Grid.box((-6, 6), cells=96).density(lambda x: np.exp(-(x**2)))
    >>> heat = jf.closed_forms.OrnsteinUhlenbeck(mean=0.0, variance=float(rho.covariance), stiffness=0.0)
    >>> off = lambda rho: abs(float(rho.covariance) - heat.flow(0.4)[1])
    >>> 0.85 < check_scheme(jf.JKO(), jf.Entropy(), rho, error=off, t_end=0.4, dts=[0.2, 0.1]).order < 1.15
    True
    """
    errors = [error(evolve(law, state, scheme=scheme, dt=dt, t_end=t_end).final) for dt in dts]
    order = float(np.log(errors[-2] / errors[-1]) / np.log(dts[-2] / dts[-1]))
    assert abs(order - scheme.order) <= within, f"{scheme!r} declares order {scheme.order}, observed {order:.2f}: {errors}"
    return OrderReport(order, tuple(errors))


def _reweighted(measure: Density | Quantiles, factor: Array) -> Density | Quantiles:
    """The measure with its density multiplied by a factor, cell by cell."""
    if isinstance(measure, Quantiles):
        return replace(measure, masses=measure.masses * factor)
    return measure.like(measure.values * factor)


def _transported(measure: Density | Quantiles | OrderedPoints, rng: np.random.Generator) -> list[Measure]:
    """The measure moved along a random smooth field, by four small amounts of both signs."""
    sizes = (0.1, -0.1, 0.01, -0.01)
    if isinstance(measure, Density):
        divergence = _smooth_divergence(measure, rng)
        return [measure.like(measure.values - size * divergence) for size in sizes]
    if isinstance(measure, OrderedPoints):
        shifts = np.cos(np.outer(measure.points - measure.points[0], np.arange(1, 5)) / (np.ptp(measure.points) or 1.0))
        shift = shifts @ rng.normal(size=4)
        return [OrderedPoints(np.sort(measure.points + size * shift), measure.masses) for size in sizes]
    low, high = measure.nodes[[0, -1]] if measure.walls is None else measure.walls
    waves = np.pi * np.arange(1, 5)
    phases = (measure.nodes[:, None] - low) / max(high - low, 1e-300) * waves
    modes = np.sin(phases) if measure.walls is not None else np.cos(phases)
    field = modes @ (rng.normal(size=4) / waves)
    slope = np.abs(np.diff(field)) / np.maximum(measure.widths, 1e-300)
    field /= max(float(slope[measure.widths > 0].max(initial=0.0)), float(np.abs(field).max()), 1e-300)
    return [measure.like(measure.nodes + size * field) for size in sizes]


def _smooth_field(measure: Density | Quantiles, rng: np.random.Generator) -> Array:
    """A random sum of four of the lowest cosine modes of the box, or of the extent of quantiles."""
    if isinstance(measure, Quantiles):
        share = (measure.points - measure.nodes[0]) / (measure.nodes[-1] - measure.nodes[0])
        return np.asarray(np.cos(np.pi * np.outer(share, rng.integers(0, 4, 4))) @ rng.normal(size=4))
    field = np.zeros(measure.grid.shape)
    for _ in range(4):
        mode = np.ones(measure.grid.shape)
        for x, (low, high) in zip(measure.grid.mesh, measure.grid.bounds, strict=True):
            mode = mode * np.cos(np.pi * rng.integers(0, 4) * (x - low) / (high - low))
        field += rng.normal() * mode
    return field


def _smooth_divergence(measure: Density, rng: np.random.Generator) -> Array:
    """div(rho zeta) on a 1-D grid, for a random smooth field zeta that vanishes at the walls.

    It is scaled so that no cell changes by more than its own density.
    """
    low, high = measure.grid.bounds[0]
    faces = np.linspace(low, high, measure.grid.shape[0] + 1)[1:-1]
    zeta = sum(rng.normal() * np.sin(np.pi * k * (faces - low) / (high - low)) for k in range(1, 5))
    density = np.minimum(measure.values[1:], measure.values[:-1])
    flux = np.concatenate([[0.0], density * zeta, [0.0]])
    divergence = np.diff(flux) / measure.grid.spacing[0]
    has_mass = measure.values > 0
    return np.asarray(divergence / max(float(np.abs(divergence[has_mass] / measure.values[has_mass]).max()), 1e-300))
