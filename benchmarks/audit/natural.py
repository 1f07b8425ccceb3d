"""The natural table: short runs that a user would pose, under the default JKO(): which are not solved, and which are wrong.

    python benchmarks/audit/natural.py                               all families on 32 x 64 cells a side, some ten minutes
    OMP_NUM_THREADS=1 python benchmarks/audit/natural.py             the same on one thread
    python benchmarks/audit/natural.py --cells 32 --family wells     one family
    python benchmarks/audit/natural.py --cells 32 --family wells --case "D = 1, k = 10, dt = 0.1"     one run, alone

A run is *unsolved* if a step has a status that is not ok, if it is refused without a reason, or if it does not end in time.
A run is *false* if every step is ok and a fact is broken that holds whatever the solver:

* the energy never rises beyond rounding; mass is kept; bounds hold; obstacles hold no mass; numbers are finite;
* the second moment changes by the virial of the state reached, less the square of the distance moved at most;
* the mean in a quadratic well falls by 1 / (1 + k dt) in every step;
* symmetric starts stay symmetric; what is known in closed form is met.
"""

from __future__ import annotations

import argparse
import itertools
import signal
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import jkoflow as jf

MORSE_PULL = jf.CustomKernel(lambda x: abs(x) * np.exp(-abs(x)), lambda x: np.sign(x) * (1 - abs(x)) * np.exp(-abs(x)))
SECONDS = 60.0  # after which a run ends with the step at hand
LIMIT = 100  # seconds after which a step is broken off
MASS, RISE, BOUND = 1e-10, 1e-9, 1e-6
MIRROR = 0.2  # times the square of the share of a cell in the box times six: the order of the pull-back, which has a diagonal

Flow = Any
Facts = Callable[[Flow], list[str]]


@dataclass
class Case:
    """One run: what is computed, and what must hold. ``refused`` is a word of the reason if the run must be refused."""

    name: str
    law: Any
    start: Any
    dt: float
    steps: int = 2
    scheme: Any = None
    bound: float | None = None
    mirror: tuple[int, ...] = ()
    facts: tuple[Facts, ...] = ()
    refused: tuple[str, ...] = ()
    may_rise: bool = False


@dataclass
class Result:
    """How a run ended."""

    kind: str
    why: str = ""
    seconds: float = 0.0
    solvers: Counter = field(default_factory=Counter)


# Facts


def species_of(state: Any) -> dict[str, Any]:
    """The measures of a state by name."""
    return dict(state) if isinstance(state, jf.Species) else {"": state}


def general_facts(case: Case, flow: Flow) -> Iterator[str]:
    """What holds for every gradient flow."""
    energies = np.asarray(flow.energies)
    if not np.isfinite(energies).all():
        yield f"energy {energies[-1]}"
    rise = np.diff(energies).max(initial=0.0)
    size = max(np.abs(energies).max(), sum(abs(part) for part in parts_of(case.law, flow[0])))
    if rise > RISE * size and not case.may_rise:
        yield f"energy up by {rise / size:.1e} of its size"
    if not case.may_rise:
        yield from distance_facts(case, flow)
    for state in (flow[k] for k in range(1, len(flow))):
        for name, measure in species_of(state).items():
            yield from measure_facts(case, measure, species_of(flow[0])[name])


def distance_facts(case: Case, flow: Flow) -> Iterator[str]:
    """A step moves no farther than the energy that it loses pays for, up to a tenth of a cell, and than the box is wide."""
    first = next(iter(species_of(flow[0]).values()))
    mass = sum(measure.mass for measure in species_of(flow[0]).values())
    lost, dts = -np.diff(flow.energies), np.asarray(flow.dts)
    grid = getattr(first, "grid", None)
    cell = 0.0 if grid is None else 0.1 * max(grid.spacing) * np.sqrt(mass)
    rounding = RISE * (np.abs(flow.energies).max() + sum(abs(part) for part in parts_of(case.law, flow[0])))
    paid = np.sqrt(2 * dts * np.maximum(lost + rounding, 0)) * 1.2 + cell
    if np.any(flow.distances > paid):
        k = int(np.argmax(flow.distances - paid))
        told = f"step {k} by {flow.solvers[k]} tells a distance of {flow.distances[k]:.3g}"
        yield f"{told}, the energy lost pays for {paid[k]:.3g}"
    if grid is not None:
        widest = np.sqrt(mass * sum((b - a) ** 2 for a, b in grid.bounds))
        if np.any(flow.distances > widest):
            k = int(np.argmax(flow.distances))
            yield f"step {k} by {flow.solvers[k]} tells a distance of {flow.distances[k]:.3g} in a box of {widest:.3g}"


def measure_facts(case: Case, measure: Any, first: Any) -> Iterator[str]:
    """Mass, bound, signs and symmetry of one measure."""
    drift = abs(measure.mass / first.mass - 1)
    if not drift < MASS:
        yield f"mass off by {drift:.1e}"
    values = np.asarray(measure.values)
    if np.isnan(values).any() or values.min() < 0:
        yield f"least density {values.min()}"
    if case.bound is not None and values.max() > case.bound * (1 + BOUND):
        yield f"density {values.max() / case.bound - 1:.1e} above its bound"
    for axis in case.mirror:
        if values.max() * measure.grid.cell_volume > 0.2 * measure.mass:
            break  # mass that concentrates gathers in one of the cells around the middle
        apart = np.abs(values - np.flip(values, axis)).sum() * measure.grid.cell_volume / measure.mass
        if apart > MIRROR * (6 / min(measure.grid.shape)) ** 2:
            yield f"mirror image along axis {axis} is {apart:.1e} away"


def parts_of(law: Any, state: Any) -> list[float]:
    """The energies of the terms of a law, for the scale of their rounding."""
    terms = getattr(law, "terms", None)
    if terms is None:
        return []
    try:
        return [value for value in (weight * term(state) for weight, term in terms) if np.isfinite(value)]
    except (TypeError, ValueError):
        return []


def second_moment(rho: jf.Density) -> float:
    """The second moment about the origin, cells taken with their width."""
    inner = sum(h**2 for h in rho.grid.spacing) / 12
    return float(rho.grid.integrate(rho.values * sum(x**2 for x in rho.grid.mesh))) + inner * rho.mass


def at_walls(rho: jf.Density) -> float:
    """The share of the mass in the outermost three cells."""
    inside = rho.values[tuple(slice(3, -3) for _ in rho.grid.shape)]
    return 1 - float(inside.sum() / rho.values.sum())


def is_resolved(rho: jf.Density) -> bool:
    """Whether the density is wider than two cells along every axis."""
    widths = np.sqrt(np.diag(np.atleast_2d(rho.covariance)))
    return bool(np.all(widths > 2 * np.asarray(rho.grid.spacing)))


def pair_virial(rho: jf.Density, pull: Callable[[Any], Any]) -> float:
    """1/2 of the double integral of r W'(r), by a direct sum over pairs of cells on at most 32 cells a side."""
    values, points = rho.values, rho.grid.points
    masses = values.ravel() * rho.grid.cell_volume
    keep = masses > 1e-9 * masses.sum()
    masses, points = masses[keep], points[keep]
    total = 0.0
    for block in np.array_split(np.arange(len(masses)), 1 + len(masses) // 256):
        r = np.linalg.norm(points[block, None] - points[None], axis=2)
        total += float(masses[block] @ pull(r) @ masses)
    return total / 2


def virial(
    pressure: Callable[[Any], Any] | None = None,
    force: Callable[..., Any] | None = None,
    pull: Callable[[Any], Any] | None = None,
    tolerance: float = 0.1,
    first_order: float = 0.0,
) -> Facts:
    """The second moment grows by 2 dt virial, less between 0 and W2^2, while no mass is at the walls.

    ``pressure`` is rho U' - U, ``force`` is x . grad V, ``pull`` is r W'(r). Without an entropy fluxes are of first order in
    the cells: ``first_order`` is the error allowed per cell width, of the whole virial and of the place of a front.
    """

    def check(flow: Flow) -> list[str]:
        wrong = []
        for k in range(len(flow) - 1):
            old, new, dt = flow[k], flow[k + 1], flow.dts[k]
            if at_walls(new) > 1e-7 or not (is_resolved(new) and is_resolved(old)):
                continue
            terms, width = [], max(new.grid.spacing)
            if pressure is not None:
                terms.append((new.grid.dim * new.grid.integrate(pressure(new.values)),) * 2)
            if force is not None:
                there = force(*new.grid.mesh)
                terms.append((-new.grid.integrate(new.values * there), new.grid.integrate(new.values * abs(there))))
            if pull is not None:
                terms.append((-pair_virial(new, pull), pair_virial(new, lambda r: abs(pull(r)))))
            gain = second_moment(new) - second_moment(old)
            due, size = 2 * dt * sum(term for term, _ in terms), 2 * dt * sum(term for _, term in terms)
            moved = min(flow.distances[k] ** 2, 2 * dt * max(0.0, flow.energies[k] - flow.energies[k + 1]))
            front = 0.05 * first_order * width * np.sqrt(second_moment(old) * old.mass) if pressure is not None else 0.0
            slack = (tolerance + first_order * width) * size + min(front, size) + 1e-9 * second_moment(old)
            if not due - moved - slack <= gain <= due + slack:
                wrong.append(f"step {k}: second moment {gain:+.3e}, due {due:+.3e} less at most {moved:.1e}")
        return wrong

    return check


def mean_falls(stiffness: tuple[float, float]) -> Facts:
    """The mean in the well sum k_i x_i^2 / 2 falls by 1 / (1 + k_i dt) in every step."""

    def check(flow: Flow) -> list[str]:
        wrong = []
        for k in range(len(flow) - 1):
            old, new = flow[k], flow[k + 1]
            if at_walls(new) > 1e-7 or at_walls(old) > 1e-7:
                continue
            due = np.asarray(old.mean) / (1 + np.asarray(stiffness) * flow.dts[k])
            off = np.abs(np.asarray(new.mean) - due)
            moved = np.abs(np.asarray(old.mean) - due)
            if np.any(off > 0.05 * moved + 0.5 * np.asarray(new.grid.spacing) * (moved > 1e-3)):
                wrong.append(f"step {k}: mean {np.round(new.mean, 4)}, due {np.round(due, 4)}")
        return wrong

    return check


def heat_spreads(D: float, share: float = 0.05) -> Facts:
    """The variance grows by 2 d D t, less the squares of the distances moved at most, and the maximum does not rise."""

    def check(flow: Flow) -> list[str]:
        wrong = []
        for name in flow.species:
            first, last = (species_of(flow[k])[name] for k in (0, -1))
            if last.values.max() > first.values.max() * (1 + 1e-6):
                wrong.append(f"maximum times {last.values.max() / first.values.max():.4f}")
            if at_walls(last) > 1e-6:
                continue
            due = 2 * last.grid.dim * D * flow.times[-1] * last.mass
            gain = second_moment(last) - second_moment(first)
            moved = float((flow.distances**2).sum())
            if not due * (1 - share) - moved <= gain <= due * (1 + share):
                wrong.append(f"second moment grows {gain / due:.3f} times what it should, less at most {moved / due:.3f}")
        return wrong

    return check


def no_mass_in(where: Callable[..., Any]) -> Facts:
    """No mass lies in an obstacle."""

    def check(flow: Flow) -> list[str]:
        rho = flow.final
        inside = rho.grid.integrate(rho.values * where(*rho.grid.mesh)) / rho.mass
        return [f"{inside:.1e} of the mass in the obstacle"] if inside > 1e-12 else []

    return check


def reaches(what: str, value: Callable[[Any], float], due: float, within: float) -> Facts:
    """A number of the last state is ``due``."""

    def check(flow: Flow) -> list[str]:
        got = value(flow.final)
        return [f"{what} {got:.5g}, due {due:.5g}"] if not abs(got - due) <= within else []

    return check


def mirrored_species(flow: Flow) -> list[str]:
    """Two ions of opposite charge that start as mirror images along the first axis stay so."""
    u, v = (flow.final[name].values for name in ("u", "v"))
    apart = np.abs(u - np.flip(v, 0)).sum() / u.sum()
    return [f"ions are {apart:.1e} away from mirror images"] if apart > MIRROR * (6 / len(u)) ** 2 else []


# Families in the plane


def square(n: int, half: float = 3.0) -> jf.Grid:
    return jf.Grid.box((-half, half), (-half, half), cells=n)


def disc(x: Any, y: Any) -> Any:
    return (x**2 + y**2 < 1) * 1.0


def porous(n: int) -> Iterator[Case]:
    """Porous media from a disc, and from the self-similar solution."""
    plane = square(n)
    for m, mass, dt in itertools.product((3, 4, 6, 10), (1.0, 30.0), (1e-4, 1e-2, 1.0)):
        facts = (virial(lambda s, m=m: s**m, first_order=2.0),)
        start = plane.density(disc, mass=mass)
        yield Case(f"m = {m}, mass {mass:g}, dt = {dt:g}", jf.RenyiEntropy(m), start, dt, mirror=(0, 1), facts=facts)
    for m, strength, dt in itertools.product((2, 4), (1e-3, 1.0), (1e-2, 0.3)):
        known = jf.closed_forms.Barenblatt(m=m, d=2)
        first = known.scale(0.1)
        last = known.jko(first, dt * strength, steps=2)
        due = known.second_moment * np.array([known.jko(first, dt * strength, steps=40) ** 2, last**2])
        exact = known.second_moment * known.scale(0.1 + 2 * dt * strength) ** 2
        middle, spread = float(np.mean([*due[1:], exact])), float(abs(due[1] - exact) + 0.03 * exact)
        facts = (
            virial(lambda s, m=m, c=strength: c * s**m, first_order=2.0),
            reaches("second moment", second_moment, middle, 0.03 * exact + spread),
        )
        start = plane.density(known.at_scale(first), order=4)
        law = strength * jf.RenyiEntropy(m)
        yield Case(f"Barenblatt m = {m}, strength {strength:g}, dt = {dt:g}", law, start, dt, mirror=(0, 1), facts=facts)


def wells(n: int) -> Iterator[Case]:
    """Fokker-Planck from a narrow bump in wells ten times steeper along y."""
    plane = square(n)
    bump = plane.density(lambda x, y: np.exp(-((x - 1.5) ** 2 + (y - 1) ** 2) / 0.18))
    for D, k, dt in itertools.product((1.0, 0.1, 0.01), (1, 10, 100), (1e-3, 1e-2, 0.1, 1.0)):
        well = jf.Potential(lambda x, y, k=k: k * (x**2 + 10 * y**2) / 2)
        pulls = virial(lambda s, D=D: D * s, lambda x, y, k=k: k * (x**2 + 10 * y**2))
        yield Case(
            f"D = {D:g}, k = {k}, dt = {dt:g}", D * jf.Entropy() + well, bump, dt, facts=(mean_falls((k, 10 * k)), pulls)
        )


def heat(n: int) -> Iterator[Case]:
    """Heat and fast diffusion from a disc."""
    start = square(n).density(disc)
    for D, dt in itertools.product((1.0, 0.01), (1e-5, 1e-4, 1e-3, 1e-2, 0.1)):
        law = D * jf.Entropy()
        yield Case(f"heat, D = {D:g}, dt = {dt:g}", law, start, dt, steps=3, mirror=(0, 1), facts=(heat_spreads(D),))
    for m, dt in itertools.product((0.5, 0.7, 0.9), (1e-4, 1e-3, 1e-2, 0.1)):
        facts = (virial(lambda s, m=m: s**m),)
        yield Case(f"fast diffusion m = {m}, dt = {dt:g}", jf.RenyiEntropy(m), start, dt, mirror=(0, 1), facts=facts)


def cold(n: int) -> Iterator[Case]:
    """A double well at temperatures down to where the density underflows."""
    plane = square(n)
    start = plane.density(lambda x, y: np.exp(-(x**2 + y**2) / 0.5))
    for T, dt in itertools.product((0.1, 0.03, 0.01, 1e-3, 1e-4), (1e-3, 1e-2, 0.1, 1.0)):
        facts = (virial(lambda s, T=T: T * s, lambda x, y: 4 * x**2 * (x**2 - 1) + 2 * y**2, first_order=1.0),)
        law = T * jf.Entropy() + jf.Potential(lambda x, y: (x**2 - 1) ** 2 + y**2)
        yield Case(f"T = {T:g}, dt = {dt:g}", law, start, dt, mirror=(0, 1), facts=facts)


def ions(n: int) -> Iterator[Case]:
    """Two ions from 1:1 to 1000:1 in charge and mass, apart and overlapping."""
    plane = square(n)
    for ratio, apart, c, dt in itertools.product((1, 30, 1000), (0.0, 1.0), (1.0, 100.0), (1e-3, 1e-1, 10.0)):
        if ratio == 1000 and c == 100.0 and dt == 1e-1:
            continue
        state = jf.Species(
            u=plane.density(lambda x, y, a=apart: np.exp(-((x - a) ** 2 + y**2) / 0.2), mass=1.0),
            v=plane.density(lambda x, y, a=apart: np.exp(-((x + a) ** 2 + y**2) / 0.2), mass=ratio),
        )
        law = jf.Entropy("u") + jf.Entropy("v") + jf.DirichletCoupling(u=ratio, v=-1, permittivity=1 / c)
        facts: tuple[Facts, ...] = (mirrored_species,) if ratio == 1 else ()
        if not apart and ratio == 1:
            facts = (*facts, heat_spreads(1.0))
        where = "apart" if apart else "overlapping"
        yield Case(f"{ratio}:1 {where}, c = {c:g}, dt = {dt:g}", law, state, dt, mirror=(1,), facts=facts)


def attraction(n: int) -> Iterator[Case]:
    """Attraction against weak rho^2, from a disc."""
    start = square(n).density(disc)
    kernels = {
        "x^2": (jf.Quadratic(), lambda r: r**2),
        "|x|": (jf.PowerLaw(1), lambda r: r),
        "Morse": (jf.Morse(2.0, 1.0), lambda r: 2.0 * r * np.exp(-r)),
        "log": (jf.PowerLaw(0), lambda r: (r > 0) * 1.0 + (r == 0)),
        "Newtonian": (-jf.Newtonian(2), lambda r: np.full_like(r, 1 / (2 * np.pi))),
        "x^4/4 - x^2/2": (jf.PowerLaw(4) - jf.PowerLaw(2), lambda r: r**4 - r**2),
    }
    for dt, exponent in itertools.product((5e-3, 0.05, 0.5), (0.6, 0.8)):
        unit = jf.Grid.box((0, 1), (0, 1), cells=n)
        bump = unit.density(lambda x, y: np.exp(-((x - 0.6) ** 2 + (y - 0.3) ** 2) / 0.02))
        law = jf.RenyiEntropy(exponent) + 9.0 * jf.Interaction(jf.Morse(1.0, 0.2))
        yield Case(f"fast diffusion {exponent} and narrow Morse, dt = {dt:g}", law, bump, dt, steps=3)
    for (name, (kernel, pull)), weak, dt in itertools.product(kernels.items(), (0.5, 0.05, 0.005), (1e-3, 1e-1, 1.0)):
        law = weak * jf.RenyiEntropy(2) + jf.Interaction(kernel)
        facts = (virial(lambda s, c=weak: c * s**2, pull=pull, first_order=2.0),)
        yield Case(f"{name}, {weak:g} rho^2, dt = {dt:g}", law, start, dt, mirror=(0, 1), facts=facts)


def keller_segel(n: int) -> Iterator[Case]:
    """Entropy and logarithmic attraction, below and above the critical mass, from a Gaussian."""
    plane = square(n)
    kernels = {"log": (jf.PowerLaw(0), 1.0), "Newtonian": (-jf.Newtonian(2), 1 / (2 * np.pi))}
    for (name, (kernel, c)), share, dt in itertools.product(kernels.items(), (0.5, 0.95, 1.5, 4.0), (1e-4, 1e-3, 1e-2, 0.1)):
        start = plane.density(lambda x, y: np.exp(-(x**2 + y**2) / 0.5), mass=share * 4 / c)
        facts = (virial(lambda s: s, pull=lambda r, c=c: np.full_like(r, c)),)
        law = jf.Entropy() + jf.Interaction(kernel)
        yield Case(f"{name}, {share:g} of the critical mass, dt = {dt:g}", law, start, dt, mirror=(0, 1), facts=facts)


def door(x: Any, y: Any) -> Any:
    return (abs(x) < 0.3) & (abs(y) > 0.5)


def crowds(n: int) -> Iterator[Case]:
    """Crowds before a door, under Morse, in a corridor with noise and a wall, and at a wall of any slope."""
    plane = square(n)
    left = plane.density(lambda x, y: (x < -0.6) * 1.0, mass=8.0)
    way = jf.Obstacle(door) + jf.Potential(lambda x, y: np.hypot(x - 2.5, y))
    for noise, dt in itertools.product((0.0, 0.01, 0.1, 1.0), (1e-3, 1e-2, 0.1, 1.0)):
        law = jf.Congestion(1.0) + way + (noise * jf.Entropy() if noise else 0.0 * jf.Potential(lambda x, y: 0 * x))
        law = law if noise else jf.Congestion(1.0) + way
        facts = (no_mass_in(door),)
        yield Case(f"door, noise {noise:g}, dt = {dt:g}", law, left, dt, bound=1.0, mirror=(1,), facts=facts)
    for mass, dt in itertools.product((3.0, 8.0), (1e-3, 1e-2, 0.1, 1.0)):
        law = jf.Congestion(1.0) + jf.Interaction(jf.Morse(2.0, 1.0))
        bump = plane.density(lambda x, y: np.exp(-(x**2 + y**2) / (0.43 * 3.0)), mass=3.0)
        start = bump if mass == 3 else plane.density(lambda x, y: (np.maximum(abs(x), abs(y)) < 2) * 1.0, mass=mass)
        yield Case(f"Morse, mass {mass:g}, dt = {dt:g}", law, start, dt, bound=1.0, mirror=(0, 1))
    yield from corridors(n)
    yield from slopes(n)


def corridors(n: int) -> Iterator[Case]:
    """A block that diffuses in a corridor with a wall and a gap."""
    grid = jf.Grid.box((0, 4), (0, 2), cells=(2 * n, n))

    def wall(x: Any, y: Any) -> Any:
        return (abs(x - 2) < 0.1) & (abs(y - 1) > 0.2)

    block = grid.density(lambda x, y: (x < 1) * 1.0)
    for noise, dt in itertools.product((0.0, 0.01, 0.1, 1.0), (1e-3, 0.05, 1.0)):
        law = jf.Congestion(1.0) + jf.Potential(lambda x, y: -x) + jf.Obstacle(wall)
        law = law + noise * jf.Entropy() if noise else law
        yield Case(f"corridor, noise {noise:g}, dt = {dt:g}", law, block, dt, bound=1.0, mirror=(1,), facts=(no_mass_in(wall),))


def slopes(n: int) -> Iterator[Case]:
    """A block that slides down a plane into a wall, straight or into a corner; at large dt it is at rest there."""
    grid = jf.Grid.box((0, 2), (0, 1), cells=(n, n // 2))
    block = grid.density(lambda x, y: (abs(x - 1.5) < 0.3) * 1.0, mass=0.6, order=4)
    for slope, dt in itertools.product((0.5, 6.0, 20.0, 2000.0), (1e-3, 0.05, 1.0)):
        facts: tuple[Facts, ...] = ()
        if slope * dt > 20:  # all of it lies in [0, .3] under the bound 2, within a cell
            facts = (reaches("mean", lambda rho: float(rho.mean[0]), 0.15, 0.02 + 0.5 / n),)
        law = jf.Congestion(2.0) + jf.Potential(lambda x, y, s=slope: s * x)
        yield Case(f"slope {slope:g}, dt = {dt:g}", law, block, dt, bound=2.0, mirror=(1,), facts=facts)
    ball = grid.density(lambda x, y: ((x - 1) ** 2 + (y - 0.5) ** 2 < 0.16) * 1.0, mass=0.5, order=4)
    for slope, dt in itertools.product((2.0, 200.0), (1e-2, 1.0)):
        law = jf.Congestion(1.0) + jf.Potential(lambda x, y, s=slope: s * (x + 0.7 * y))
        yield Case(f"corner, slope {slope:g}, dt = {dt:g}", law, ball, dt, bound=1.0)


def gathering(n: int) -> Iterator[Case]:
    """A crowd under a bound alone gathers in a smooth well, in a cone, on a slope and in waves, without and with a wall."""
    unit = jf.Grid.box((0, 1), (0, 1), cells=n)

    def wall(x: Any, y: Any) -> Any:
        return (abs(x - 0.5) < 0.06) & (abs(y - 0.5) > 0.2)

    half = unit.density(lambda x, y: (x < 0.42) * 1.0)
    potentials = {
        "well": lambda x, y: (x - 0.5) ** 2 + 5 * (y - 0.5) ** 2,
        "cone": lambda x, y: np.hypot(x - 0.5, y - 0.5),
        "slope": lambda x, y: x + 0.3 * y,
        "waves": lambda x, y: np.cos(np.pi * (2 * x + 3 * y)),
    }
    for (name, V), bound, dt, walled in itertools.product(potentials.items(), (3.0, 8.0), (0.01, 1.0, 10.0), (False, True)):
        law = jf.Congestion(bound) + jf.Potential(V)
        law = law + jf.Obstacle(wall) if walled else law
        words = f"{name}, bound {bound:g}, dt = {dt:g}" + (", wall" if walled else "")
        yield Case(words, law, half, dt, bound=bound, facts=(no_mass_in(wall),) if walled else ())


def inside(n: int) -> Iterator[Case]:
    """Mass that starts in an obstacle, and more mass than there is room: refused, with the true reason."""
    plane = square(n)
    everywhere = plane.density(lambda x, y: 1 + 0 * x, mass=8.0)
    bump = plane.density(lambda x, y: np.exp(-(x**2 + y**2) / 0.5))
    for name, start in (("everywhere", everywhere), ("bump", bump)):
        for energy in (jf.Congestion(1.0), jf.Entropy(), jf.RenyiEntropy(2), 0.01 * jf.Entropy() + jf.Congestion(1.0)):
            yield Case(f"{name}, {energy!r}", energy + jf.Obstacle(door), start, 0.1, refused=("bstacle", "mass"))
    full = plane.density(lambda x, y: 1 + 0 * x, mass=30.0)
    crowd = jf.Congestion(0.5) + jf.Potential(lambda x, y: x)
    yield Case("more mass than room", crowd, full, 0.1, refused=("bound", "room", "mass"))
    outside = plane.density(lambda x, y: (x < -0.6) * 1.0, mass=8.0)
    for name, where in (("thin diagonal", lambda x, y: abs(x - y) < 0.2), ("island", lambda x, y: x**2 + y**2 < 0.2)):
        yield Case(f"{name}, no mass there", jf.Entropy() + jf.Obstacle(where), clear_of(outside, where), 0.1)


def clear_of(rho: jf.Density, where: Callable[..., Any]) -> jf.Density:
    """The density without what lies in a set."""
    return jf.Density.scaled(rho.grid, rho.values * ~where(*rho.grid.mesh), rho.mass)


def mixed(n: int) -> Iterator[Case]:
    """Random laws, starts, masses, units and dt over five decades."""
    for k in range(160):
        yield mixed_case(n, k)


def mixed_case(n: int, k: int) -> Case:
    """A random case, by its number."""
    rng = np.random.default_rng(k)
    length, mass, energy = 10 ** rng.uniform(-2, 2), 10 ** rng.uniform(-2, 2), 10 ** rng.uniform(-3, 3)
    grid = jf.Grid.box((0, length), (0, length), cells=n)
    typical, steep = mass / length**2, 10 ** rng.uniform(-1, 2)
    m = (1, 1, 2, 3, 5, 0.8, None)[rng.integers(7)]
    bound = float(typical * rng.uniform(2, 8)) if m is None or rng.random() < 0.2 else None
    inner = jf.Entropy() if m == 1 else None if m is None else jf.RenyiEntropy(m) * typical ** (1 - m)
    shape, centre = rng.integers(4), rng.uniform(0.3, 0.7, 2)
    frequencies, wall = rng.integers(1, 4, 2), rng.random() < 0.25

    def potential(x: Any, y: Any) -> Any:
        a, b = x / length - centre[0], y / length - centre[1]
        return (
            energy
            * steep
            * (a**2 + 5 * b**2, np.hypot(a, b), a + 0.3 * b, np.cos(np.pi * (frequencies[0] * a + frequencies[1] * b)))[shape]
        )

    def obstacle(x: Any, y: Any) -> Any:
        return (abs(x / length - 0.5) < 0.06) & (abs(y / length - 0.5) > 0.2)

    law = jf.Potential(potential)
    law = law + energy * inner if inner is not None else law
    law = law + jf.Congestion(bound) if bound is not None else law
    words = [
        "bound alone" if m is None else f"m = {m}" + (" and bound" if bound else ""),
        f"potential {shape} times {steep:.2g}",
    ]
    if not wall and rng.random() < 0.4:
        strength = float(energy * 10 ** rng.uniform(-1, 1) / mass)
        kernel = (jf.Quadratic() * length**-2, jf.Morse(1.0, 0.2 * length), -jf.Gaussian(0.1 * length))[rng.integers(3)]
        law = law + strength * jf.Interaction(kernel)
        words.append("attraction")
    first = rng.integers(3)
    start = grid.density(
        lambda x, y: mixed_start(first, x / length, y / length) * (~obstacle(x, y) if wall else 1.0), mass=mass
    )
    if bound is not None and start.values.max() > bound:
        start = grid.density(lambda x, y: 1.0 * (~obstacle(x, y) if wall else x == x), mass=mass)
    if wall:
        law = law + jf.Obstacle(obstacle)
        words.append("obstacle")
    dt = float(10 ** rng.uniform(-4, 1) * length**2 / (energy * max(1.0, steep)))
    facts = (no_mass_in(obstacle),) if wall else ()
    return Case(f"{k}: {', '.join(words)}", law, start, dt, bound=bound, facts=facts)


def mixed_start(kind: int, x: Any, y: Any) -> Any:
    """A disc, a bump, or half of the box, in the unit square."""
    return (
        ((x - 0.3) ** 2 + (y - 0.4) ** 2 < 0.04) * 1.0,
        np.exp(-((x - 0.6) ** 2 + (y - 0.3) ** 2) / 0.02),
        (x < 0.45) * 1.0,
    )[kind]


# Families on the line and on radii


def line(cells: int = 100) -> jf.Quantiles:
    return jf.Quantiles(np.linspace(0, 1, cells + 1), np.full(cells, 1 / cells), (0.0, 1.0))


def doped(n: int) -> Iterator[Case]:
    """Ions with doping between walls on quantiles. At large dt they are at the equilibrium, which a grid computes."""
    for permittivity, dt in itertools.product((0.02, 0.01, 0.002, 2e-4), (0.1, 1.0, 100.0)):
        coupling = jf.DirichletCoupling(u=1, v=-1, permittivity=permittivity, doping=lambda x: np.cos(np.pi * x))
        law = jf.Entropy("u") + jf.Entropy("v") + coupling
        facts: tuple[Facts, ...] = ()
        if dt == 100.0:
            flat = jf.Grid.box((0, 1), cells=400).density(lambda x: 1 + 0 * x)
            due = jf.equilibrium(law, jf.Species(u=flat, v=flat)).state["u"].mean
            facts = (reaches("mean of u", lambda state: float(state["u"].mean), float(due), 0.003),)
        yield Case(f"permittivity {permittivity:g}, dt = {dt:g}", law, jf.Species(u=line(), v=line()), dt, facts=facts)


def midpoint(n: int) -> Iterator[Case]:
    """The implicit midpoint rule on thirty random flows on quantiles: its mean is known."""
    rng = np.random.default_rng(7)
    for k in range(30):
        cells, stiffness = int(rng.integers(20, 120)), float(10 ** rng.uniform(-1, 1))
        dt, D, centre = float(10 ** rng.uniform(-3, -0.5)) / stiffness, float(10 ** rng.uniform(-2, 0.5)), rng.uniform(-1, 1)
        inner = (jf.Entropy(), jf.RenyiEntropy(2), jf.RenyiEntropy(3))[k % 3]
        law = D * inner + jf.Potential(lambda x, s=stiffness: s * x**2 / 2, gradient=lambda x, s=stiffness: s * x)
        law = law + jf.Interaction(float(rng.uniform(0, 1)) * jf.PowerLaw(2)) if k % 2 else law
        width = float(np.sqrt(D / stiffness)) * rng.uniform(0.5, 2)
        start = jf.Quantiles.from_function(lambda s, w=width, c=centre: c + w * (s - 0.5) * 3, cells)
        due = centre * ((1 - stiffness * dt / 2) / (1 + stiffness * dt / 2)) ** 3
        facts = (reaches("mean", lambda rho: float(rho.mean), due, 1e-6 * (1 + abs(centre))),)
        name = f"{k}: {inner!r}, D = {D:.2g}, k = {stiffness:.2g}, {cells} cells, dt = {dt:.2g}"
        yield Case(name, law, start, dt, steps=3, scheme=jf.ImplicitMidpoint(), facts=facts, may_rise=True)


def sources(n: int) -> Iterator[Case]:
    """Point sources of a field on 64 quantile cells: as a potential, and as charged atoms."""
    cells = jf.Quantiles(np.linspace(-1, 1, 65))
    points = np.array([-0.5, 0.1, 0.7])
    for strength, dt in itertools.product((1.0, 100.0), (1e-3, 0.1, 10.0)):
        for name, cloud in (("atoms", jf.Quantiles.atoms(points)), ("particles", jf.Particles(points))):
            for way, kernel in (("attract", jf.PowerLaw(1)), ("repel", jf.Newtonian(1))):
                law = jf.Entropy() + strength * jf.Potential(cloud.potential(kernel))
                law = law + jf.Potential(lambda x: x**2 / 2) if way == "repel" else law
                yield Case(f"{way} by {name}, strength {strength:g}, dt = {dt:g}", law, cells, dt)
        atoms = jf.Species(u=cells, v=jf.Quantiles.atoms(points))
        law = jf.Entropy("u") + strength * jf.CrossInteraction(jf.PowerLaw(1), between=("u", "v"))
        yield Case(f"joint atoms, strength {strength:g}, dt = {dt:g}", law, atoms, dt)


def rings(n: int) -> Iterator[Case]:
    """RadialQuantiles in the ring-shaped well k (r^2 - 1)^2: the virial is exact."""
    for k, D, dim, dt in itertools.product((1.0, 10.0, 100.0, 1000.0), (1.0, 0.01), (2, 3), (1e-3, 0.1, 10.0)):
        start = jf.RadialQuantiles.from_density(lambda r: np.exp(-(r**2) / 2), radius=4.0, shells=150, dim=dim)
        law = D * jf.Entropy() + jf.Potential(lambda *x, k=k: k * (sum(xi**2 for xi in x) - 1) ** 2)
        yield Case(f"k = {k:g}, D = {D:g}, d = {dim}, dt = {dt:g}", law, start, dt, facts=(radial_virial(D, k),))
        ring = jf.RadialQuantiles(np.linspace(0.5, 0.7, 101), dim=dim)
        if k >= 100:
            yield Case(f"ring, k = {k:g}, D = {D:g}, d = {dim}, dt = {dt:g}", law, ring, dt, facts=(radial_virial(D, k),))


def quantiles(n: int) -> Iterator[Case]:
    """Flows on the free line, from a block, a bump and two blocks: the virial is exact."""
    inner = {"Entropy": (jf.Entropy(), 1), **{f"m = {m}": (jf.RenyiEntropy(m), m) for m in (0.7, 2, 3, 10)}}
    forces = {
        "x^2 / 2": (jf.Potential(lambda x: x**2 / 2, gradient=lambda x: x), lambda x: x**2, None),
        "1000 (x^2 - 1)^2": (jf.Potential(lambda x: 1e3 * (x**2 - 1) ** 2), lambda x: 4e3 * x**2 * (x**2 - 1), None),
        "attraction |x|": (jf.Interaction(jf.PowerLaw(1)), None, jf.PowerLaw(1)),
        "attraction x^4/4": (jf.Interaction(jf.PowerLaw(4)), None, 4 * jf.PowerLaw(4)),
        "Morse": (jf.Interaction(jf.Morse()), None, MORSE_PULL),
    }
    two = jf.Quantiles(np.r_[np.linspace(-1.5, -1, 31), np.linspace(0.5, 1, 31)], np.r_[np.ones(30), 0, np.ones(30)] / 60)
    starts = {"block": jf.Quantiles(np.linspace(-1, 1, 101)), "two blocks": two}
    for (name, (energy, m)), (force, (term, pull, kernel)), (start, rho), dt in itertools.product(
        inner.items(), forces.items(), starts.items(), (1e-3, 0.1, 10.0)
    ):
        for D in (1.0, 0.01) if dt == 0.1 else (0.1,):
            facts = (line_virial(D, m, pull, kernel),)
            yield Case(f"{D:g} {name}, {force}, {start}, dt = {dt:g}", D * energy + term, rho, dt, facts=facts)
    for slope, dt in itertools.product((0.5, 20.0, 2000.0), (1e-3, 0.1, 10.0)):
        crowd = jf.Congestion(2.0) + jf.Potential(lambda x, s=slope: s * x)
        facts = (reaches("mean", lambda rho: float(rho.mean), 0.25, 1e-4),) if slope * dt > 10 else ()
        yield Case(f"crowd, slope {slope:g}, dt = {dt:g}", crowd, wide(), dt, facts=facts)


def wide() -> jf.Quantiles:
    """A block of density 1 on [2, 3], between walls at 0 and 4."""
    return jf.Quantiles(np.linspace(2, 3, 81), walls=(0.0, 4.0))


def virial_in(moment: Callable[[Any], float], inner: Callable[[Any], float], outer: Callable[[Any], float]) -> Facts:
    """The second moment and the square of the distance grow by 2 dt (inner - outer), but for errors of the cells."""

    def check(flow: Flow) -> list[str]:
        wrong = []
        for i in range(len(flow) - 1):
            old, new, dt = flow[i], flow[i + 1], flow.dts[i]
            left = moment(new) - moment(old) + flow.distances[i] ** 2 - 2 * dt * (inner(new) - outer(new))
            size = 2 * dt * (inner(new) + abs(outer(new))) + moment(old)
            if abs(left) > 0.03 * size:
                wrong.append(f"step {i}: virial off by {left / size:.2e} of its size")
        return wrong

    return check


def line_virial(D: float, m: float, pull: Callable[[Any], Any] | None, kernel: Any) -> Facts:
    """On the line the virial is D int rho^m less that of the potential or of the kernel."""
    return virial_in(
        lambda rho: rho.moment(2),
        lambda rho: D * rho.integrate_internal(lambda s: s**m),
        lambda rho: cells_expect(rho, pull) if pull is not None else rho.pair_expectation(kernel) / 2,
    )


def cells_expect(rho: jf.Quantiles, f: Callable[[Any], Any]) -> float:
    """The integral of a function of the place, by ten points in every cell."""
    points, weights = np.polynomial.legendre.leggauss(10)
    at = rho.nodes[:-1, None] + np.diff(rho.nodes)[:, None] * (1 + points) / 2
    return float(rho.masses @ (f(at) @ weights / 2))


def radial(n: int) -> Iterator[Case]:
    """Spherical flows in the whole space: diffusion, attraction, Keller-Segel, ions."""
    for dim, m, mass, dt in itertools.product((2, 3), (1, 2, 4, 10), (1.0, 100.0), (1e-3, 0.1, 10.0)):
        ball = jf.RadialQuantiles(np.linspace(0, 1, 101), np.diff(np.linspace(0, 1, 101) ** dim) * mass, dim)
        energy = jf.Entropy() if m == 1 else jf.RenyiEntropy(m)
        yield Case(
            f"ball, m = {m}, mass {mass:g}, d = {dim}, dt = {dt:g}", energy, ball, dt, facts=(radial_virial(1.0, 0.0, m),)
        )
    for share, dt in itertools.product((0.5, 0.95, 1.5), (1e-3, 0.1)):
        if share > 1 and dt == 0.1:
            continue  # a step of this length has no minimiser
        start = jf.RadialQuantiles.from_density(lambda r: np.exp(-(r**2) / 0.5), radius=4.0, shells=80, mass=4 * share, dim=2)
        law = jf.Entropy() + jf.Interaction(jf.PowerLaw(0))
        facts = (radial_virial(1.0, 0.0, 1, pull=(4 * share) ** 2 / 2),)
        yield Case(f"Keller-Segel, {share:g} of the critical mass, dt = {dt:g}", law, start, dt, facts=facts)
    for ratio, c, dt in itertools.product((1, 1000), (1.0, 100.0), (1e-3, 0.1, 10.0)):
        u = jf.RadialQuantiles.from_density(lambda r: np.exp(-(r**2) / 0.5), radius=4.0, shells=80, dim=3)
        v = jf.RadialQuantiles.from_density(lambda r: r**2 * np.exp(-(r**2) / 2), radius=6.0, shells=80, mass=ratio, dim=3)
        coupling = jf.DirichletCoupling(u=ratio, v=-1, permittivity=1 / c, boundary="free-space")
        law = jf.Entropy("u") + jf.Entropy("v") + coupling
        yield Case(f"ions {ratio}:1, c = {c:g}, dt = {dt:g}", law, jf.Species(u=u, v=v), dt)


def radial_virial(D: float, k: float, m: float = 1, pull: float = 0.0) -> Facts:
    """In space the virial is d D int rho^m - int r V'(r) - pull."""
    return virial_in(
        lambda rho: rho.second_moment,
        lambda rho: rho.dim * D * float(rho.values**m @ rho.volumes),
        lambda rho: shells_expect(rho, lambda r: 4 * k * r**2 * (r**2 - 1)) + pull,
    )


def shells_expect(rho: jf.RadialQuantiles, f: Callable[[Any], Any]) -> float:
    """The integral of a function of the radius, by ten points in every shell."""
    points, weights = np.polynomial.legendre.leggauss(10)
    volumes = rho.nodes**rho.dim
    at = (volumes[:-1, None] + np.diff(volumes)[:, None] * (1 + points) / 2) ** (1 / rho.dim)
    return float(rho.masses @ (f(at) @ weights / 2))


# Equilibria


def equilibria(n: int) -> Iterator[tuple[str, Any, Any, float | None]]:
    """Equilibria under a bound with charge, and others: name, law, start, bound."""
    plane = square(n)
    flat = plane.density(lambda x, y: 1 + 0 * x, mass=4.0)
    pair = jf.Species(u=flat, v=flat)
    pull = jf.Potential(lambda x, y: x + y**2, "u")
    for c, bound in itertools.product((1.0, 100.0, 1e4), (0.2, 1.0, 10.0)):
        coupling = jf.DirichletCoupling(u=1, v=-1, permittivity=1 / c)
        caps = jf.Congestion(bound, "u") + jf.Congestion(bound, "v")
        yield f"bound {bound:g} alone, c = {c:g}", caps + coupling + pull, pair, bound
        both = caps + coupling + pull + jf.Entropy("u") + jf.Entropy("v")
        yield f"bound {bound:g} and entropy, c = {c:g}", both, pair, bound
    for m, c in itertools.product((0.7, 2, 4), (1.0, 1e4)):
        law = jf.RenyiEntropy(m, "u") + jf.RenyiEntropy(m, "v") + jf.DirichletCoupling(u=1, v=-1, permittivity=1 / c) + pull
        yield f"RenyiEntropy({m}), c = {c:g}", law, pair, None
    for T in (1.0, 0.01, 1e-3, 3e-4, 1e-4, 1e-6):
        for name, V in (("double well", lambda x, y: (x**2 - 1) ** 2 + y**2), ("cone", lambda x, y: np.hypot(x - 2.5, y))):
            yield f"{name}, T = {T:g}", T * jf.Entropy() + jf.Potential(V), flat, None
            law = T * jf.Entropy() + jf.Potential(V) + jf.Congestion(1.0) + jf.Obstacle(door)
            yield f"{name}, T = {T:g}, bound", T * jf.Entropy() + jf.Potential(V) + jf.Congestion(1.0), flat, 1.0
            yield f"{name}, T = {T:g}, bound and obstacle", law, clear_of(flat, door), 1.0


def audit_equilibrium(law: Any, start: Any, bound: float | None) -> Result:
    """Solve for an equilibrium; check its masses, its bound, and that one chemical potential reigns where there is mass.

    Under a bound alone a weak compressibility stands in for the internal energy: then one to a hundredth of its size.
    """
    found = jf.equilibrium(law, start)
    if not found.status.ok:
        return Result("unsolved", f"{found.status.name}, residual {found.residual:.1e} in {found.iterations} iterations")
    wrong = []
    smooth = without_bounds(law)
    species = species_of(found.state)
    with np.errstate(divide="ignore"):
        potentials = {
            k: np.asarray(smooth.first_variation(found.state, k)).reshape(rho.values.shape) for k, rho in species.items()
        }
    present = {k: rho.values > 1e-9 * rho.values.max() for k, rho in species.items()}
    size = max(np.abs(potentials[k][present[k]]).max() for k in species)
    within = (1e-5 if any(isinstance(term, jf.Entropy | jf.RenyiEntropy) for _, term in law.terms) else 1e-2) * size
    for name, rho in species.items():
        first = species_of(start)[name]
        if not abs(rho.mass / first.mass - 1) < MASS * 100:
            wrong.append(f"mass off by {rho.mass / first.mass - 1:.1e}")
        if bound is not None and rho.values.max() > bound * (1 + BOUND):
            wrong.append(f"density {rho.values.max() / bound - 1:.1e} above its bound")
        mu, there = potentials[name], present[name]
        full = there & (rho.values >= (bound or np.inf) * (1 - 1e-6))
        free = there & ~full
        if free.any() and np.ptp(mu[free]) > within:
            wrong.append(f"chemical potential of {name or 'rho'} varies by {np.ptp(mu[free]) / size:.1e} of its size")
        if full.any() and free.any() and mu[full].max() > mu[free].min() + within:
            wrong.append(f"full cells of {name or 'rho'} at a higher potential than free ones")
    if not smooth(found.state) <= smooth(start) + RISE * abs(smooth(start)) and is_allowed(start, bound):
        wrong.append("energy above that of the start")
    return Result("false" if wrong else "ok", "; ".join(wrong))


def is_allowed(state: Any, bound: float | None) -> bool:
    return bound is None or all(rho.values.max() <= bound for rho in species_of(state).values())


def without_bounds(law: Any) -> Any:
    """The law without bounds and obstacles."""
    parts = [weight * term for weight, term in law.terms if not isinstance(term, jf.Congestion | jf.Obstacle)]
    return sum(parts[1:], parts[0])


# The table

PLANE = {
    "porous": porous,
    "wells": wells,
    "heat": heat,
    "cold": cold,
    "ions": ions,
    "attraction": attraction,
    "keller_segel": keller_segel,
    "crowds": crowds,
    "gathering": gathering,
    "inside": inside,
    "mixed": mixed,
}
LINE = {"quantiles": quantiles, "radial": radial, "doped": doped, "midpoint": midpoint, "sources": sources, "rings": rings}


def too_late(*_: Any) -> None:
    raise TimeoutError(f"no end in {LIMIT} s")


def audited(case: Case) -> Result:
    """Run a case and judge it."""
    began = time.perf_counter()
    options: dict[str, Any] = {"dt": case.dt, "t_end": case.steps * case.dt, "on_failure": "return", "progress": False}
    options["stop"] = jf.WallClock(SECONDS)
    if case.scheme is not None:
        options["scheme"] = case.scheme
    try:
        flow = jf.evolve(case.law, case.start, **options)
    except ValueError as reason:
        return refusal(case, str(reason), time.perf_counter() - began)
    spent, solvers = time.perf_counter() - began, Counter(flow.solvers)
    if case.refused:
        return Result("false", f"not refused: {flow.outcome}", spent, solvers)
    if not flow.ok:
        last = flow.infos[-1] if len(flow) > 1 else None
        why = f"{last.status.name} in step {len(flow) - 2}, residual {last.residual:.1e}" if last else flow.outcome
        return Result("unsolved", why, spent, solvers)
    if len(flow) < case.steps + 1:
        return Result("unsolved", f"{len(flow) - 1} steps in {spent:.0f} s", spent, solvers)
    wrong = [*general_facts(case, flow), *(text for check in case.facts for text in check(flow))]
    return Result("false" if wrong else "ok", "; ".join(wrong), spent, solvers)


def refusal(case: Case, reason: str, spent: float) -> Result:
    """A refusal is right if it must be, and names its reason."""
    named = case.refused and any(word in reason for word in case.refused)
    return Result("ok" if named else "unsolved", f"refused: {reason[:160]}", spent)


def guarded(run: Callable[[], Result]) -> Result:
    """The result of a run, whatever it raises, within the time limit."""
    signal.signal(signal.SIGALRM, too_late)
    signal.alarm(LIMIT)
    began = time.perf_counter()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            result = run()
    except Exception as error:
        result = Result("exception", f"{type(error).__name__}: {str(error)[:160]}")
    finally:
        signal.alarm(0)
    result.seconds = time.perf_counter() - began
    return result


def runs_of(family: str, n: int) -> Iterator[tuple[str, Callable[[], Result]]]:
    """The runs of a family by name."""
    if family == "equilibria":
        for name, law, start, bound in equilibria(n):
            yield name, lambda law=law, start=start, bound=bound: audit_equilibrium(law, start, bound)
        return
    for case in {**PLANE, **LINE}[family](n):
        yield case.name, lambda case=case: audited(case)


def table_row(family: str, n: int, only: str | None) -> Counter:
    """Run a family, print its row and a line for each run that is not right."""
    kinds, solvers, spent, slowest, lines = Counter(), Counter(), 0.0, (0.0, ""), []
    for name, run in runs_of(family, n):
        if only is not None and name != only:
            continue
        result = guarded(run)
        kinds[result.kind] += 1
        solvers += result.solvers
        spent, slowest = spent + result.seconds, max(slowest, (result.seconds, name))
        if result.kind != "ok" or only is not None:
            lines.append(
                f'  {result.kind:9} --cells {n} --family {family} --case "{name}"  [{result.seconds:.1f} s] {result.why}'
            )
    taken = ", ".join(f"{solver} {count}" for solver, count in solvers.most_common())
    bad = kinds["unsolved"] + kinds["exception"]
    counts = f"{kinds.total():5} {bad:9} {kinds['false']:6} {spent:8.1f}"
    print(f"{family:14} {n:4} {counts}   {taken}; slowest {slowest[0]:.1f} s ({slowest[1]})", flush=True)
    print(*lines, sep="\n", end="\n" if lines else "", flush=True)
    return kinds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--cells", type=int, nargs="+", default=[32, 64], help="cells a side in the plane")
    parser.add_argument("--family", choices=[*PLANE, *LINE, "equilibria"], help="one family alone")
    parser.add_argument("--case", help="one run alone, by its name")
    given = parser.parse_args()
    print(f"{'family':14} {'n':>4} {'runs':>5} {'unsolved':>9} {'false':>6} {'seconds':>8}   solvers of the steps")
    total = Counter()
    for k, n in enumerate(given.cells):
        for family in [given.family] if given.family else [*PLANE, "equilibria", *LINE]:
            if family in LINE and k:
                continue  # they have no cells in the plane
            total += table_row(family, n, given.case)
    bad = total["unsolved"] + total["exception"]
    print(f"{total.total()} runs: {bad} unsolved ({total['exception']} of them by an exception), {total['false']} false")


if __name__ == "__main__":
    main()
