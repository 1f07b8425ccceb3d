"""How the cost of a step grows: seconds a step at several sizes, the exponent, and the size at which a step takes 10 s.

Every case runs up to the size at which a step takes a second. The exponent is fitted to the last three sizes, in the number of
cells or particles. The size for 10 s is extrapolated by it. The site shows what `python benchmarks/growth.py` has written to
benchmarks/growth.txt.
"""

from __future__ import annotations

import datetime
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

import jkoflow as jf

DT = {"Convex, line": 1.0}  # its plans between cell centres need a step that moves mass over some cells; else 0.02
FAR = 100  # times the largest size that was tried: no size beyond is told
LONG = 1.0  # seconds: no larger size is tried after such a step
rng = np.random.default_rng(0)


def box(n: int, dim: int) -> jf.Density:
    """A bump in a box, n cells along every axis."""
    grid = jf.Grid.box(*[(-3, 3)] * dim, cells=n)
    return grid.density(lambda *x: np.exp(-sum((c - 0.4) ** 2 for c in x)))


def well(dim: int) -> jf.Law:
    return jf.Entropy() + jf.Potential(lambda *x: sum(c**2 for c in x) / 2)


def cloud(n: int, dim: int = 2) -> jf.Particles:
    return jf.Particles(rng.normal(size=(n, dim)))


def moving(n: int, dim: int = 2) -> jf.MovingParticles:
    return jf.MovingParticles(rng.normal(size=(n, dim)), rng.normal(size=(n, dim)))


def nodes(n: int) -> jf.Quantiles:
    return jf.Quantiles(np.linspace(-1, 1, n + 1))


def phase(n: int) -> jf.PhaseDensity:
    line = jf.Grid.box((-4, 4), cells=n)
    return jf.PhaseDensity.of(line, line, lambda x, v: np.exp(-(x**2) - v**2))


def ordered(n: int) -> jf.OrderedParticles:
    return jf.OrderedParticles(x=np.sort(rng.normal(size=n)), y=np.sort(rng.normal(size=n)))


def with_signal(n: int) -> jf.State:
    rho = box(n, 2)
    return jf.State(rho, {"c": jf.Field(rho.grid, 0 * rho.values)})


SMOOTH, TIP = jf.Interaction(jf.Gaussian()), jf.Interaction(jf.PowerLaw(1))
SIGNAL = jf.Entropy() + jf.FieldEnergy("c", 1.0, 1.0) + jf.Secretion() + jf.Chemotaxis(0.5)
# name: the law, the state of a size, the scheme, the sizes, and the dimension in which a size is to be taken
Case = tuple[jf.Law, Callable[[int], Any], jf.Scheme, tuple[int, ...], int]
CASES: dict[str, Case] = {
    "BackAndForth, line": (well(1), lambda n: box(n, 1), jf.JKO(jf.BackAndForth()), (1000, 4000, 16000, 64000), 1),
    "BackAndForth, plane": (well(2), lambda n: box(n, 2), jf.JKO(jf.BackAndForth()), (32, 64, 128, 256, 512), 2),
    "BackAndForth, space": (well(3), lambda n: box(n, 3), jf.JKO(jf.BackAndForth()), (16, 24, 32, 48), 3),
    "FiniteVolume, line": (well(1), lambda n: box(n, 1), jf.JKO(jf.FiniteVolume()), (1000, 4000, 16000, 64000), 1),
    "FiniteVolume, plane": (well(2), lambda n: box(n, 2), jf.JKO(jf.FiniteVolume()), (32, 64, 128, 256, 512), 2),
    "FiniteVolume, plane, m = 2": (jf.RenyiEntropy(2), lambda n: box(n, 2), jf.JKO(jf.FiniteVolume()), (32, 64, 128, 256), 2),
    "FiniteVolume, space": (well(3), lambda n: box(n, 3), jf.JKO(jf.FiniteVolume()), (16, 24, 32, 48), 3),
    "Entropic, line": (well(1), lambda n: box(n, 1), jf.JKO(jf.Entropic()), (250, 500, 1000, 2000), 1),
    "Entropic, plane": (well(2), lambda n: box(n, 2), jf.JKO(jf.Entropic()), (32, 64, 128, 256), 2),
    "Convex, line": (well(1), lambda n: box(n, 1), jf.JKO(jf.Convex()), (25, 50, 100, 200), 1),
    "ConvexDynamic, line": (well(1), lambda n: box(n, 1), jf.JKO(jf.ConvexDynamic()), (25, 50, 100, 200), 1),
    "QuantileNewton, local": (well(1), nodes, jf.JKO(), (1000, 10_000, 100_000, 1_000_000), 1),
    "QuantileNewton, abs(x)": (well(1) + TIP, nodes, jf.JKO(), (1000, 10_000, 100_000, 1_000_000), 1),
    "QuantileNewton, Gaussian": (well(1) + SMOOTH, nodes, jf.JKO(), (250, 500, 1000, 2000), 1),
    "RadialNewton": (
        jf.RenyiEntropy(2),
        lambda n: jf.RadialQuantiles(np.sqrt(np.linspace(0, 1, n + 1)), dim=2),
        jf.JKO(),
        (500, 1000, 2000, 4000, 8000),
        1,
    ),
    "OrderedResolvent": (jf.newtonian_law(), ordered, jf.JKO(), (1000, 10_000, 100_000), 1),
    "ParticleProximal, plane": (SMOOTH, cloud, jf.JKO(), (1000, 4000, 16_000, 64_000), 1),
    "ImplicitMidpoint, plane": (well(2), lambda n: box(n, 2), jf.ImplicitMidpoint(), (32, 64, 128, 256), 2),
    "SemiImplicitJKO, plane": (well(2), lambda n: box(n, 2), jf.SemiImplicitJKO(), (32, 64, 128, 256), 2),
    "BDF2, quantiles": (well(1), nodes, jf.BDF2(), (1000, 10_000, 100_000, 1_000_000), 1),
    "VariationalExtrapolation, quantiles": (well(1), nodes, jf.VariationalExtrapolation(), (1000, 10_000, 100_000), 1),
    "Splitting with growth, plane": (
        well(2) + jf.Growth(lambda rho: 1 - rho),
        lambda n: box(n, 2),
        jf.Splitting(jf.JKO(jf.FiniteVolume())),
        (32, 64, 128, 256),
        2,
    ),
    "Alternating with a field, plane": (SIGNAL, with_signal, jf.Alternating(), (32, 64, 128), 2),
    "Overdamped, plane, Gaussian": (SMOOTH, cloud, jf.Overdamped(1e-4), (250, 500, 1000, 2000), 1),
    "Inertial, plane, Gaussian": (SMOOTH, moving, jf.Inertial(), (1000, 2000, 4000, 8000), 1),
    "Inertial, line, -abs(x)": (-TIP, lambda n: moving(n, 1), jf.Inertial(), (1000, 10_000, 100_000), 1),
    "Langevin, plane": (SMOOTH + 0.1 * jf.Entropy(), cloud, jf.Langevin(seed=1), (1000, 2000, 4000, 8000), 1),
    "Kinetic, line x line": (SMOOTH, phase, jf.Kinetic(), (64, 128, 256, 512, 1024), 2),
    "Brezis, to the end": (jf.newtonian_law(), ordered, jf.Brezis(), (100, 300, 1000, 3000), 1),
}


def seconds(case: Case, n: int, dt: float) -> float:
    """Of one step that follows another, which compiles and fills caches: the least of two."""
    law, state, scheme, _, _ = case
    start, took = state(n), []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for _ in range(3):
            began = time.perf_counter()
            flow = jf.evolve(law, start, scheme=scheme, dt=dt, t_end=dt, on_failure="return", progress=False)
            took.append(time.perf_counter() - began)
            if not flow.ok:
                return np.nan
            if took[-1] > 4 * LONG:
                break
    return min(took[1:] or took)


def size(n: float, dim: int) -> str:
    return f"{n ** (1 / dim):.2g}" + {1: "", 2: "^2", 3: "^3"}[dim]


def main() -> None:
    print(f"python benchmarks/growth.py, {datetime.date.today()}, version {jf.__version__}, 2 cores")
    print(f"{'':38}{'seconds a step':48}{'exponent':>10}{'10 s at':>14}")
    for name, case in CASES.items():
        *_, sizes, dim = case
        counts, took, shown = [], [], []
        for n in sizes:
            time_of_step = seconds(case, n, DT.get(name, 0.02))
            counts.append(n**dim)
            took.append(time_of_step)
            shown.append(f"{size(n**dim, dim)}: {time_of_step:.3g}")
            if not time_of_step < LONG:
                break
        x, y = np.log(np.array(counts[-3:], dtype=float)), np.log(took[-3:])
        slope = float(np.polyfit(x, y, 1)[0]) if len(x) > 1 and np.isfinite(y).all() else np.nan
        at = counts[-1] * (10 / took[-1]) ** (1 / slope) if slope > 0 else np.nan
        far = FAR * counts[-1]
        told = "not told" if np.isnan(at) else f"> {size(far, dim)}" if at > far else size(at, dim)
        print(f"{name:38}{'  '.join(shown[-4:]):48}{slope:10.2f}{told:>14}", flush=True)


if __name__ == "__main__":
    main()
