"""Steps of shells, of ordered particles and of particles: random problems, and oracles for their solvers."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from math import gamma, pi
from typing import Any

import cvxpy as cp
import numpy as np
from common import LONG, Case, Units, random_units
from line import T3, W3, random_field, random_masses
from scipy import linalg, optimize

import jkoflow as jf

COMPLEX = np.clongdouble
STEP = LONG("1e-200")


@dataclass
class Shells:
    """A step of shells in natural units."""

    dim: int
    y: list
    """The nodes r^d of the anchor of each species."""
    m: list
    mobilities: list
    tau: float
    powers: list
    fields: list
    charges: list | None = None
    permittivity: float = 1.0
    units: Units = field(default_factory=Units)

    @property
    def ball(self) -> LONG:
        return LONG(pi ** (self.dim / 2) / gamma(self.dim / 2 + 1))

    def slices(self) -> list:
        ends = np.cumsum([0] + [len(y) for y in self.y])
        return [slice(a, b) for a, b in pairwise(ends)]


def shells_objective(problem: Shells, z: np.ndarray) -> Any:
    """J of the nodes z = r^d, also for complex z."""
    total, root = COMPLEX(0), LONG(1) / problem.dim
    parts = problem.slices()
    for k, of in enumerate(parts):
        y, m = z[of], problem.m[k].astype(LONG)
        now = (y[:-1, None] + np.diff(y)[:, None] * T3) ** root
        before = (problem.y[k][:-1, None] + np.diff(problem.y[k])[:, None] * T3) ** root
        total += np.sum(m[:, None] * W3 * (now - before) ** 2) / (2 * LONG(problem.tau) * LONG(problem.mobilities[k]))
        volume = problem.ball * np.diff(y)
        for c, p in problem.powers[k]:
            if p == 1:
                total += c * np.sum(m * np.log(m / volume))
            else:
                total += c * np.sum(m ** LONG(p) * volume ** (1 - LONG(p))) / (LONG(p) - 1)
        for f in problem.fields[k]:
            total += f.c * np.sum(m[:, None] * W3 * f.value(now))
    if problem.charges is not None:
        total += _field_energy(problem, z, parts) / LONG(problem.permittivity)
    return total


def _field_energy(problem: Shells, z: np.ndarray, parts: list) -> Any:
    """int Q^2 / (2 |S| r^(d-1)) dr, with Q linear in r^d between the nodes of all species."""
    d = problem.dim
    every = z[np.argsort(z.real, kind="stable")]
    every = every[np.concatenate([[True], np.diff(every.real) > 0])]
    Q = np.zeros(len(every), dtype=COMPLEX)
    for k, of in enumerate(parts):
        y, m = z[of], problem.m[k].astype(LONG)
        levels = np.concatenate([[LONG(0)], np.cumsum(m)])
        cell = np.clip(np.searchsorted(y.real, every.real, side="right") - 1, 0, len(m) - 1)
        share = (every - y[cell]) / (y[cell + 1] - y[cell])
        inside = levels[cell] + m[cell] * share
        Q += problem.charges[k] * np.where(every.real <= y[0].real, 0, np.where(every.real >= y[-1].real, levels[-1], inside))
    lo, hi = every[:-1], every[1:]
    b = np.diff(Q) / (hi - lo)
    a = Q[:-1] - b * lo
    surface = d * problem.ball
    r0, r1 = lo ** (LONG(1) / d), hi ** (LONG(1) / d)
    if d == 2:
        safe = np.where(lo.real > 0, lo, 1)
        first = np.where(lo.real > 0, a**2 * np.log(hi / safe) / 2, 0)
    else:
        safe = np.where(lo.real > 0, r0, 1)
        first = np.where(lo.real > 0, a**2 * (1 / safe - 1 / r1), 0)
    total = np.sum(first + a * b * (r1**2 - r0**2) + b**2 * (r1 ** (d + 2) - r0 ** (d + 2)) / (d + 2))
    if d == 3:
        total += Q[-1] ** 2 / r1[-1]
    return total / (2 * surface)


def shells_gradient(problem: Shells, z: np.ndarray) -> np.ndarray:
    """The gradient of J by complex steps."""
    out = np.zeros(len(z), dtype=LONG)
    for i in range(len(z)):
        moved = z.astype(COMPLEX)
        moved[i] += 1j * STEP
        out[i] = shells_objective(problem, moved).imag / STEP
    return out


def judge_shells(problem: Shells, z: np.ndarray, anchor: np.ndarray) -> list[str]:
    """Newton's correction of the nodes, by second derivatives from differences of the gradient."""
    parts, n = problem.slices(), len(z)
    if not np.isfinite(z.astype(float)).all() or any(np.any(np.diff(z[of]) <= 0) or z[of][0] < 0 for of in parts):
        return ["nodes are not increasing"]
    J, start = shells_objective(problem, z).real, shells_objective(problem, anchor).real
    free = np.ones(n, dtype=bool)
    g = shells_gradient(problem, z)
    complaints = []
    for of in parts:
        if z[of][0] == 0:
            free[of.start] = False
            opened = z.copy()
            opened[of.start] = LONG(1e-6) * z[of.start + 1]  # where nodes of two species coincide there is no gradient
            if anchor[of][0] > 0 and shells_objective(problem, opened).real < J:
                complaints.append("a closed hole wants to open")
    widths = np.zeros(n, dtype=LONG)
    for of in parts:
        d = np.diff(z[of])
        widths[of] = np.minimum(np.append(d, d[-1]), np.append(d[0], d))
    H = np.zeros((n, n))
    for i in np.flatnonzero(free):
        step = widths[i] * LONG(1e-6)
        plus, minus = z.copy(), z.copy()
        plus[i] += step
        minus[i] -= step
        H[i] = ((shells_gradient(problem, plus) - shells_gradient(problem, minus)) / (2 * step)).astype(float)
    H = ((H + H.T) / 2)[np.ix_(free, free)]
    s = 1 / np.sqrt(np.abs(np.diag(H)))
    try:
        p = np.zeros(n)
        p[free] = -s * linalg.cho_solve(linalg.cho_factor(s[:, None] * H * s), s * g[free].astype(float))
    except linalg.LinAlgError:
        return complaints + _way_down(problem, z, H, s, g, free, J, start)
    root, largest = LONG(1) / problem.dim, float(z.max()) ** (1 / problem.dim)
    size = 0.0
    for k, of in enumerate(parts):
        radii = (np.maximum(z[of] + p[of], 0) ** root - z[of] ** root).astype(float)
        size = max(size, float(np.sqrt(problem.m[k] @ (radii[1:] ** 2 + radii[:-1] ** 2) / 2 / problem.m[k].sum())))
    scale = abs(start - J) + abs(J) * LONG(1e-12)
    if start < J - 1e-8 * scale:
        complaints.append(f"J rises by {float((J - start) / scale):.2g}")
    if size > 1e-6 * largest:
        best = min(
            shells_objective(problem, z + t * p).real for t in (1, 0.5, 0.1, 0.01, 1e-3) if np.all(np.diff(z + t * p) > -np.inf)
        )
        sure = "" if best < J - 1e-11 * scale else "? "
        complaints.append(f"{sure}correction {size / largest:.2g} of the radius, J falls by {float((J - best) / scale):.2g}")
    return complaints


def _way_down(
    problem: Shells, z: np.ndarray, H: np.ndarray, s: np.ndarray, g: np.ndarray, free: np.ndarray, J: Any, start: Any
) -> list:
    """A way down from a point whose second derivatives are not definite."""
    values, vectors = np.linalg.eigh(s[:, None] * H * s)
    g, best = g[free].astype(float), J
    ways = [s * vectors[:, 0], -s * vectors[:, 0], -s * (vectors @ ((vectors.T @ (s * g)) / np.maximum(np.abs(values), 1e-10)))]
    for way in ways:
        for t in 10.0 ** -np.arange(0.0, 8.0):
            moved = z.copy()
            moved[free] += t * way
            if all(np.all(np.diff(moved[of]) > 0) and moved[of][0] >= 0 for of in problem.slices()):
                best = min(best, shells_objective(problem, moved).real)
    fall = float((J - best) / (abs(start - J) + abs(J) * LONG(1e-12)))
    return [f"a way down from a saddle lowers J by {fall:.2g}"] if fall > 1e-8 else []


def make_shells(rng: np.random.Generator) -> Case:
    """A random problem for RadialNewton."""
    dim, count = int(rng.integers(2, 4)), 2 if rng.random() < 0.3 else 1
    n = int(np.exp(rng.uniform(np.log(5), np.log(40 if count == 1 else 20))))
    problem = Shells(dim, [], [], [], float(10.0 ** rng.uniform(-6, 4)), [], [])
    for _ in range(count):
        m = random_masses(rng, n)
        r = np.concatenate([[0.0], np.cumsum(10.0 ** rng.uniform(-2 * rng.random(), 0, n))])
        r = r / r[-1] + (rng.uniform(0, 1) if rng.random() < 0.3 else 0.0)
        r *= 10.0 ** rng.uniform(-2, 2) if count == 2 and rng.random() < 0.3 else 1.0  # far inside the other, or far around it
        problem.y.append(r)
        problem.m.append(m / m.sum())
        problem.mobilities.append(float(10.0 ** rng.uniform(-1, 1)) if count == 2 else 1.0)
        p = 1.0 if rng.random() < 0.5 else float(rng.choice([0.7, 0.9, 1.5, 2, 3, 6]))
        problem.powers.append([(float(10.0 ** rng.uniform(-4, 2)), p)])
        f = random_field(rng, float(10.0 ** rng.uniform(-2, 3)), True)
        problem.fields.append([f] if rng.random() < 0.5 else [])
    if rng.random() < 0.5:
        problem.charges = [1.0, -1.0] if count == 2 else [1.0]
        problem.permittivity = float(10.0 ** rng.uniform(-3, 2))
        if count == 1:
            dim = problem.dim = 3
    units = problem.units = _units(rng, [p for ps in problem.powers for _, p in ps], dim)
    names = ["u", "v"][:count]

    def step() -> Any:
        energy, measures = [], {}
        for k, name in enumerate(names):
            measures[name] = jf.RadialQuantiles(problem.y[k] * units.length, problem.m[k] * units.mass, dim)
            for c, p in problem.powers[k]:
                if p == 1:
                    energy.append(c * units.potential * jf.Entropy(name))
                else:
                    factor = c * units.energy * float(units.mass ** (-p)) * float(units.length ** (dim * (p - 1)))
                    energy.append(factor * jf.RenyiEntropy(p, name))
            energy += [f.make(units, name) for f in problem.fields[k]]
        if problem.charges is not None:
            permittivity = problem.permittivity * units.mass**2 * units.length ** (2 - dim) / units.energy
            charges = dict(zip(names, problem.charges, strict=True))
            energy.append(jf.DirichletCoupling(charges, permittivity=permittivity, boundary="free-space"))
        mobilities = {name: a * units.mobility for name, a in zip(names, problem.mobilities, strict=True)}
        made = jf.ProximalStep(sum(energy[1:], energy[0]), jf.Species(measures), problem.tau * units.time, mobilities)
        problem.y = [(made.anchor[name].nodes.astype(LONG) / LONG(units.length)) ** dim for name in names]
        return made

    def judge(result: Any) -> list[str]:
        z = np.concatenate([(result.state[name].nodes.astype(LONG) / LONG(units.length)) ** dim for name in names])
        return judge_shells(problem, z, np.concatenate(problem.y))

    words = f"tau {problem.tau:.2g} R^{dim} {n} shells {[[f'{c:.2g}*S_{p:g}' for c, p in ps] for ps in problem.powers]} "
    words += f"{[f'{f.c:.2g}*{f.name}' for fs in problem.fields for f in fs]} hollow {[bool(y[0] > 0) for y in problem.y]} "
    words += f"charges {problem.charges} permittivity {problem.permittivity:.2g} "
    words += f"M {units.mass:.1g} L {units.length:.1g} T {units.time:.1g}"
    return Case(step, jf.RadialNewton(), judge, words)


def _units(rng: np.random.Generator, powers: list, dim: int) -> Units:
    """Random units at the origin in which no power of a density overflows."""
    while True:
        units = random_units(rng, 1.0)
        units = Units(units.mass, units.length, units.time, units.mobility)
        logs = [
            np.log10(units.energy) - p * np.log10(units.mass) + dim * (p - 1) * np.log10(units.length) for p in [*powers, 1.0]
        ]
        densities = [abs(p * (np.log10(units.mass) - dim * np.log10(units.length))) for p in [*powers, 1.0]]
        if max(map(abs, logs)) < 200 and max(densities) < 200:
            return units


def make_ordered(rng: np.random.Generator) -> Case:
    """A random convex problem for OrderedResolvent, judged by a conic program."""
    count, n = int(rng.integers(1, 3)), int(np.exp(rng.uniform(np.log(2), np.log(40))))
    units, tau = _units(rng, [], 1), float(10.0 ** rng.uniform(-5, 3))
    names = ["x", "y"][:count]
    points, masses = {}, {}
    for name in names:
        points[name] = np.sort(rng.uniform(-1, 1, n) if rng.random() < 0.7 else rng.choice([-1.0, 0.0, 0.5], n))
        masses[name] = random_masses(rng, n)
    alike = rng.random() < 0.5
    mobilities = {name: float(10.0 ** rng.uniform(-1, 1)) if not alike else 1.0 for name in names}
    selves = {name: float(10.0 ** rng.uniform(-2, 2)) * rng.choice([-1, 0, 1]) for name in names}
    squares = {name: (float(10.0 ** rng.uniform(-2, 3)), rng.uniform(-1, 1)) for name in names if rng.random() < 0.5}
    quadratic = {name: float(10.0 ** rng.uniform(-2, 2)) for name in names if rng.random() < 0.2}
    cross = float(10.0 ** rng.uniform(-2, 2)) if count == 2 and rng.random() < 0.6 else 0.0

    def step() -> Any:
        energy, pair = [], units.energy / units.mass**2
        for name in names:
            energy.append((selves[name] * pair / units.length) * jf.Interaction(jf.PowerLaw(1), name))
            if name in squares:
                c, a = squares[name]
                scale, length = c * units.potential, units.length
                energy.append(
                    jf.Potential(
                        lambda x, s=scale, a=a, L=length: s * (x / L - a) ** 2 / 2,
                        name,
                        lambda x, s=scale, a=a, L=length: s * (x / L - a) / L,
                    )
                )
            if name in quadratic:
                energy.append((quadratic[name] * pair / units.length**2) * jf.Interaction(jf.Quadratic(), name))
        if cross:
            energy.append((cross * pair / units.length) * jf.CrossInteraction(jf.PowerLaw(1), between=("x", "y")))
        state = jf.OrderedParticles(**{name: (points[name] * units.length, masses[name] * units.mass) for name in names})
        scaled = {name: a * units.mobility for name, a in mobilities.items()}
        return jf.ProximalStep(sum(energy[1:], energy[0]), state, tau * units.time, scaled)

    def value(z: dict, convex: bool) -> Any:
        total = 0.0
        for name in names:
            m, x = masses[name], z[name]
            square = cp.sum_squares if convex else lambda v: float(v @ v)
            total = total + square(_scaled(x - points[name], m)) / (2 * tau * mobilities[name])
            rank = m * (2 * np.cumsum(m) - m - m.sum())
            total = total + selves[name] * (rank @ x)  # 1/2 sum m m |x - x| of ordered points
            if name in squares:
                c, a = squares[name]
                total = total + c / 2 * square(_scaled(x - a, m))
            if name in quadratic:
                total = total + quadratic[name] / 2 * square(_scaled(x - (m @ x) / m.sum(), m)) * m.sum()
        if cross:
            absolute = cp.abs if convex else np.abs
            for i in range(n):
                total = total + cross * masses["x"][i] * (masses["y"] @ absolute(z["x"][i] - z["y"]))
        return total

    def _scaled(x: Any, m: np.ndarray) -> Any:
        return cp.multiply(np.sqrt(m), x) if isinstance(x, cp.Expression) else np.sqrt(m) * x

    def judge(result: Any) -> list[str]:
        answer = {name: result.state[name].points / units.length for name in names}
        if any(np.any(np.diff(x) < 0) for x in answer.values()):
            return ["order is lost"]
        z = {name: cp.Variable(n) for name in names}
        J, start = value(answer, False), value(points, False)
        tiny = sum(masses[name] @ points[name] ** 2 / (2 * tau * mobilities[name]) for name in names)
        scale = abs(start - J) + 1e-12 * abs(J) + 1e-22 * tiny
        program = cp.Problem(cp.Minimize(value(z, True) / scale), [cp.diff(z[name]) >= 0 for name in names] if n > 1 else [])
        try:
            program.solve(solver=cp.CLARABEL)
        except cp.SolverError:
            return ["? no reference"]
        if program.status != "optimal":
            return ["? no reference"]
        best = value({name: np.maximum.accumulate(z[name].value) for name in names}, False)
        complaints = []
        if start + 1e-9 * scale < J:
            complaints.append(f"J rises by {(J - start) / scale:.2g}")
        if best < J - 1e-7 * scale:
            complaints.append(f"a conic program is lower by {(J - best) / scale:.2g} of its change")
        return complaints

    words = f"tau {tau:.2g} {count} x {n} points selves {selves} squares {squares} quadratic {quadratic} cross {cross:.2g} "
    words += f"mobilities {mobilities} M {units.mass:.1g} L {units.length:.1g} T {units.time:.1g}"
    return Case(step, jf.OrderedResolvent(), judge, words)


@dataclass
class Cloud:
    """A step of particles in natural units, of one or two species."""

    y: list
    m: list
    tau: float
    wells: list
    selves: list
    cross: tuple | None = None
    convex: bool = True
    words: list = field(default_factory=list)


_RADIAL = {
    "square": (lambda r: r**2 / 2, True),
    "fourth": (lambda r: r**4 / 4, True),
    "1.5": (lambda r: r**1.5 / 1.5, True),
    "abs": (lambda r: r, True),
    "gauss": (lambda r: -np.expm1(-(r**2)), False),
    "morse": (lambda r: -np.expm1(-r), False),
}


def _kernel(kind: str, c: float, units: Units) -> Any:
    pair = c * units.energy / units.mass**2
    if kind in ("gauss", "morse"):
        return pair * (jf.Gaussian if kind == "gauss" else jf.Morse)(1.0, units.length)
    p = {"square": 2, "fourth": 4, "1.5": 1.5, "abs": 1}[kind]
    return (pair / units.length**p) * jf.PowerLaw(p)


def cloud_objective(cloud: Cloud, xs: list) -> tuple:
    """J of the places of all atoms, and its parts."""
    far, rest = LONG(0), LONG(0)
    for x, y, m, well, own in zip(xs, cloud.y, cloud.m, cloud.wells, cloud.selves, strict=True):
        far += np.sum(m * ((x - y) ** 2).sum(-1)) / (2 * LONG(cloud.tau))
        if well:
            c, a, kind = well
            r2 = ((x - a) ** 2).sum(-1)
            rest += c * np.sum(m * (r2 / 2 if kind == "square" else np.sqrt(r2 + LONG(0.01))))
        if own:
            r = np.sqrt(((x[:, None] - x) ** 2).sum(-1))
            rest += own[0] / 2 * np.sum(m[:, None] * m * _RADIAL[own[1]][0](r))
    if cloud.cross:
        r = np.sqrt(((xs[0][:, None] - xs[1]) ** 2).sum(-1))
        rest += cloud.cross[0] * np.sum(cloud.m[0][:, None] * cloud.m[1] * _RADIAL[cloud.cross[1]][0](r))
    return far + rest, far, rest


def make_cloud(rng: np.random.Generator) -> Case:
    """A random problem for ParticleProximal."""
    dim, count, n = int(rng.integers(1, 4)), int(rng.integers(1, 3)), int(rng.integers(2, 13))
    units = _units(rng, [], 1)
    cloud = Cloud([], [], float(10.0 ** rng.uniform(-5, 3)), [], [])
    for _ in range(count):
        cloud.y.append(rng.uniform(-1, 1, (n, dim)))
        cloud.m.append(random_masses(rng, n))
        kind = str(rng.choice(["square", "kink"]))
        cloud.wells.append((float(10.0 ** rng.uniform(-2, 2)), rng.uniform(-1, 1, dim), kind) if rng.random() < 0.5 else None)
        own = (float(10.0 ** rng.uniform(-2, 2)), str(rng.choice(list(_RADIAL))))
        cloud.selves.append(own if rng.random() < 0.7 else None)
    if count == 2 and rng.random() < 0.7:
        cloud.cross = (float(10.0 ** rng.uniform(-2, 2)), str(rng.choice(list(_RADIAL))))
    pairs = [*cloud.selves, cloud.cross]
    cloud.convex = all(pair is None or _RADIAL[pair[1]][1] for pair in pairs)
    seed, names = int(rng.integers(2**31)), ["u", "v"][:count]

    def step() -> Any:
        energy = []
        for name, well, own in zip(names, cloud.wells, cloud.selves, strict=True):
            if well:
                c, a, kind = well
                scale, L = c * units.potential, units.length

                def V(*x: Any, scale: float = scale, L: float = L, a: Any = a, kind: str = kind) -> Any:
                    r2 = sum((z / L - b) ** 2 for z, b in zip(x, a, strict=True))
                    return scale * (r2 / 2 if kind == "square" else np.sqrt(r2 + 0.01))

                def gradient(*x: Any, scale: float = scale, L: float = L, a: Any = a, kind: str = kind) -> Any:
                    d = np.stack([z / L - b for z, b in zip(x, a, strict=True)])
                    out = scale / L * (d if kind == "square" else d / np.sqrt((d**2).sum(0) + 0.01))
                    return out if dim > 1 else out[0]

                if dim == 1:
                    energy.append(jf.Potential(lambda x, V=V: V(x), name, lambda x, gradient=gradient: gradient(x)))
                elif dim == 2:
                    energy.append(jf.Potential(lambda x, y, V=V: V(x, y), name, lambda x, y, g=gradient: g(x, y)))
                else:
                    energy.append(jf.Potential(lambda x, y, z, V=V: V(x, y, z), name, lambda x, y, z, g=gradient: g(x, y, z)))
            if own:
                energy.append(jf.Interaction(_kernel(own[1], own[0], units), name))
        if cloud.cross:
            energy.append(jf.CrossInteraction(_kernel(cloud.cross[1], cloud.cross[0], units), between=("u", "v")))
        if not energy:
            energy.append(0.0 * jf.Interaction(jf.Quadratic(), names[0]))
        state = {
            name: jf.Particles((y if dim > 1 else y[:, 0]) * units.length, m * units.mass)
            for name, y, m in zip(names, cloud.y, cloud.m, strict=True)
        }
        mobilities = dict.fromkeys(names, units.mobility)
        return jf.ProximalStep(sum(energy[1:], energy[0]), jf.Species(state), cloud.tau * units.time, mobilities)

    def judge(result: Any) -> list[str]:
        xs = [result.state[name].points.reshape(n, dim).astype(LONG) / LONG(units.length) for name in names]
        return judge_cloud(cloud, xs, np.random.default_rng(seed))

    words = f"tau {cloud.tau:.2g} R^{dim} {count} x {n} wells {[w and (round(w[0], 3), w[2]) for w in cloud.wells]} "
    words += f"selves {cloud.selves} cross {cloud.cross} M {units.mass:.1g} L {units.length:.1g} T {units.time:.1g}"
    return Case(step, jf.ParticleProximal(), judge, words)


def judge_cloud(cloud: Cloud, xs: list, rng: np.random.Generator) -> list[str]:
    """Random moves of atoms, of groups at one place and of halves of such groups, and a descent by another method."""
    if not all(np.isfinite(x.astype(float)).all() for x in xs):
        return ["not finite"]
    J, far, rest = cloud_objective(cloud, xs)
    start, _, rest_before = cloud_objective(cloud, [y.astype(LONG) for y in cloud.y])
    tiny = sum(np.sum(m[:, None] * y**2) / (2 * cloud.tau) for m, y in zip(cloud.m, cloud.y, strict=True))
    scale = far + abs(rest - rest_before) + abs(rest) * LONG(1e-14) + LONG(1e-22) * tiny
    complaints = [f"J rises by {float((J - start) / scale):.2g}"] if start + 1e-8 * scale + 1e-24 * tiny < J else []
    shapes, ends = [x.shape for x in xs], np.cumsum([0] + [x.size for x in xs])
    flat = np.concatenate([x.ravel() for x in xs])

    def split(v: np.ndarray) -> list:
        return [v[a:b].reshape(shape) for a, b, shape in zip(ends[:-1], ends[1:], shapes, strict=True)]

    best, largest = J, 0.0 if cloud.convex else -3.0
    for _ in range(200):
        move = [np.zeros(shape) for shape in shapes]
        size = 10.0 ** rng.uniform(-8, largest)
        k = int(rng.integers(len(xs)))
        i, direction = int(rng.integers(len(xs[k]))), rng.standard_normal(shapes[0][1])
        for j, x in enumerate(xs):
            near = np.sqrt(((x - xs[k][i]) ** 2).sum(-1)) < 1e-9
            move[j][near & (rng.random(len(x)) < rng.choice([0.5, 1.0]))] = size * direction / linalg.norm(direction)
        if rng.random() < 0.2:
            move = [size * rng.standard_normal(shape) for shape in shapes]
        best = min(best, cloud_objective(cloud, [x + d for x, d in zip(xs, move, strict=True)])[0])
    if best < J - 1e-8 * scale:
        complaints.append(f"a move lowers J by {float((J - best) / scale):.2g} of its change")
    polished = optimize.minimize(
        lambda v: float((cloud_objective(cloud, split(flat + v.astype(LONG)))[0] - J) / scale),
        np.zeros(len(flat)),
        method="L-BFGS-B",
        options={"maxiter": 30, "maxfun": 1500},
    )
    if polished.fun < -1e-7 and (cloud.convex or np.abs(polished.x).max() < 0.1):
        complaints.append(f"a descent lowers J by {-polished.fun:.2g} of its change")
    return complaints


SOLVERS = {"RadialNewton": make_shells, "OrderedResolvent": make_ordered, "ParticleProximal": make_cloud}
