"""Where a user might do better elsewhere: seconds and errors of ours and of an alternative, in one run.

    python benchmarks/speed.py            all tables, about ten minutes on two quiet cores; kept in speed.txt
    python benchmarks/speed.py NAME ...   some of them: the names of ``TABLES``
    python benchmarks/speed.py --before FOLDER ...   with a column of the version in a folder, a clone of an earlier commit

Errors are against one reference in every table: a closed form, a finer solution or the sum over all pairs. JAX and fmm3dpy are
asked where they are installed. Rows that say "fresh" are processes of their own, the imports counted.
"""

from __future__ import annotations

import datetime
import os
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from speed_fresh import CASES, newton_on_quantiles
from timing import timed

HERE = Path(__file__).parent
Row = tuple[str, float, str]


def row(name: str, run: Callable[[], Any], error: Callable[[Any], Any] = lambda _: "", repeats: int = 3) -> Row:
    seconds, answer = timed(run, repeats)
    told = error(answer)
    return name, seconds, told if isinstance(told, str) else f"{told:.1e}"


def fresh(case: str, **environment: str) -> Row:
    """A case of speed_fresh.py in a process of its own, from the start of Python to its end."""
    began = time.perf_counter()
    run = subprocess.run(
        [sys.executable, str(HERE / "speed_fresh.py"), case],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    spent = time.perf_counter() - began if run.returncode == 0 else np.nan
    return f"fresh: {case}", spent, run.stdout.strip()


def fokker_planck() -> Iterator[Row]:
    """Fokker-Planck to .1 % in L1, and Barenblatt to 1 %, end to end in a fresh process."""
    for case in CASES:
        fresh(case)  # so that files are in memory
        yield fresh(case)


def first_call() -> Iterator[Row]:
    """The first step in a process: with the compiled loops kept, and with none."""
    yield fresh("2-D midpoint")
    with tempfile.TemporaryDirectory() as folder:
        name, seconds, told = fresh("2-D midpoint", NUMBA_CACHE_DIR=folder)
    yield f"{name}, nothing compiled before", seconds, told


def sums() -> Iterator[Row]:
    """Forces of all pairs."""
    import jkoflow as jf
    from jkoflow.kernels.sums import pair_gradients
    from jkoflow.kernels.sums.compiled_pairs import gradient_sums
    from jkoflow.kernels.sums.fourier import nufft

    rng = np.random.default_rng(0)
    for name, kernel, n, d in (
        ("Gaussian", jf.Gaussian(), 100_000, 2),
        ("Gaussian", jf.Gaussian(), 1_000_000, 2),
        ("log r", jf.PowerLaw(0), 100_000, 2),
        ("Morse", jf.Morse(1.0, 0.5), 100_000, 2),
        ("1 / r", jf.PowerLaw(-1), 100_000, 3),
        ("abs x", jf.PowerLaw(1), 10_000, 2),
        ("log r", jf.PowerLaw(0), 10_000, 2),
    ):
        points, masses = rng.normal(size=(n, d)), np.full(n, 1 / n)
        some, flat = np.ascontiguousarray(points[:1000].T), np.ascontiguousarray(points.T)
        from jkoflow.kernels.sums import compiled_pair

        pair = compiled_pair(kernel)
        took, exact = timed(lambda s=some, f=flat, p=pair, m=masses: gradient_sums(s, f, m, p.kind, p.parameter))
        exact = pair.factor * exact.T
        error = lambda found, e=exact: np.abs(found[:1000] - e).max() / np.abs(e).max()  # noqa: E731
        label = f"{name}, {n:.0e} points, {d}-D"
        yield row(f"ours: {label}", lambda k=kernel, p=points, m=masses: pair_gradients(k, p, p, m), error)
        yield f"over pairs: {label} (from 1000 targets)", took * n / 1000, "0"
        if name == "Gaussian" and nufft.finufft() is not None:
            waves = lambda f=flat, m=masses: np.stack(nufft.GaussianWaves(f, f, 1.0).sums(m, (1, 0), (0, 1))).T  # noqa: E731
            yield row(f"finufft: {label}", waves, lambda found, e=exact: np.abs(found[:1000] + e).max() / np.abs(e).max())
        if name == "1 / r":
            yield from _fmm(label, flat, masses, exact)
        if n == 10_000:
            yield from _jax(label, points, masses, pair.parameter, exact)


def _fmm(label: str, flat: np.ndarray, masses: np.ndarray, exact: np.ndarray) -> Iterator[Row]:
    try:
        import fmm3dpy
    except ImportError:
        return
    run = lambda: fmm3dpy.lfmm3d(eps=1e-8, sources=flat, charges=masses, pg=2).grad.T  # noqa: E731
    yield row(f"fmm3dpy 1e-8: {label}", run, lambda found: np.abs(4 * np.pi * found[:1000] + exact).max() / np.abs(exact).max())


def _jax(label: str, points: np.ndarray, masses: np.ndarray, p: float, exact: np.ndarray) -> Iterator[Row]:
    try:
        import jax
    except ImportError:
        return
    jax.config.update("jax_enable_x64", True)

    def force(x: Any, y: Any, m: Any) -> Any:
        def one(z: Any) -> Any:
            gap = z - y
            square = (gap**2).sum(axis=1)
            return (m * jax.numpy.where(square > 0, square, 1.0) ** (p / 2 - 1)) @ gap

        return jax.lax.map(one, x, batch_size=64)

    compiled = jax.jit(force)
    run = lambda: np.asarray(compiled(points, points, masses))  # noqa: E731
    run()
    yield row(f"JAX: {label}", run, lambda found: np.abs(found[:1000] - exact).max() / np.abs(exact).max())


def particles() -> Iterator[Row]:
    """A JKO step of particles in the plane; scipy's L-BFGS with the same fast sums, to the same residual or 500 iterations."""
    import jkoflow as jf
    from jkoflow.proximal.clouds.many_atoms import ManyAtoms
    from jkoflow.proximal.clouds.problem import CloudProblem

    well = jf.Potential(lambda x, y: x**2 / 2 + y**4 / 4)
    for name, term, n in (
        ("Gaussian", jf.Interaction(jf.Gaussian()), 300),
        ("Gaussian", jf.Interaction(jf.Gaussian()), 5000),
        ("Morse", jf.Interaction(jf.Morse()), 5000),
        ("Newtonian", jf.Interaction(jf.Newtonian(2)), 5000),
        ("well alone", 0.0 * well, 100_000),
        ("Gaussian", jf.Interaction(jf.Gaussian()), 100_000),
    ):
        start = jf.Species.of(jf.Particles(np.random.default_rng(0).normal(size=(n, 2))))
        step = jf.ProximalStep(term + well, start, 0.1)
        yield row(
            f"ours: {name}, {n}", lambda s=step: jf.ParticleProximal().solve(s), lambda a: a.residual, 1 if n > 1e4 else 3
        )
        if n <= 5000 and name == "Gaussian":
            sums = ManyAtoms(CloudProblem(step))
            error = lambda a, s=sums, n=n: s.residual(a.x.reshape(n, 2))  # noqa: E731
            yield row(f"scipy L-BFGS: {name}, {n}", lambda s=sums: by_descent(s), error, 1)


def by_descent(sums: Any) -> Any:
    """The step by scipy's L-BFGS-B."""
    from scipy.optimize import minimize

    start = sums.problem.start
    return minimize(
        lambda x: sums.value(x.reshape(start.shape))[0],
        start.ravel(),
        jac=lambda x: sums.gradient(x.reshape(start.shape)).ravel(),
        method="L-BFGS-B",
        options={"maxiter": 500, "ftol": 0, "gtol": 1e-12},
    )


def quantiles() -> Iterator[Row]:
    """A JKO step on quantiles, against Newton's method in 30 lines of numpy; error: the largest difference of nodes."""

    import jkoflow as jf

    for m in (1, 2):
        law = (jf.Entropy() if m == 1 else jf.RenyiEntropy(2)) + jf.Potential(lambda x: x**2 / 2)
        for n in (1000, 10_000, 100_000):
            first = jf.Quantiles(np.linspace(-1, 1, n + 1))
            start = jf.QuantileNewton().solve(jf.ProximalStep(law, jf.Species.of(first), 0.05)).state
            step = jf.ProximalStep(law, start, 0.05)
            nodes, masses = start[""].nodes, start[""].masses
            _, theirs = timed(lambda x=nodes, w=masses, m=m: newton_on_quantiles(x, w, 0.05, m), 1)
            error = lambda a, t=theirs: np.abs(a.state[""].nodes - t).max()  # noqa: E731
            yield row(f"ours: m = {m}, {n}", lambda s=step: jf.QuantileNewton().solve(s), error, 7)
            yield row(f"numpy: m = {m}, {n}", lambda x=nodes, w=masses, m=m: newton_on_quantiles(x, w, 0.05, m), repeats=7)
    law = jf.Entropy() + jf.Interaction(jf.Gaussian())
    for n in (1000, 3000):
        step = jf.ProximalStep(law, jf.Species.of(jf.Quantiles(np.linspace(-1, 1, n + 1))), 0.05)
        yield row(f"ours: Gaussian, {n}", lambda s=step: jf.QuantileNewton().solve(s), lambda a: a.status.name)


def grids() -> Iterator[Row]:
    """First steps of JKO() on grids, on problems of many kinds; the status beside it."""
    import jkoflow as jf

    box, unit = jf.Grid.box((-3, 3), (-3, 3), cells=256), jf.Grid.box((0, 1), (0, 1), cells=256)
    space, more = (jf.Grid.box((-3, 3), (-3, 3), (-3, 3), cells=n) for n in (48, 64))
    well = jf.Potential(lambda x, y: (x**2 + y**2) / 2)
    rough = jf.Potential(lambda x, y: np.cos(9 * x) * np.sin(7 * y) + 0.3 * x)
    heap = box.density(lambda x, y: np.exp(-((x - 0.5) ** 2 + y**2) / (2 * 0.1**2)))
    wide = box.density(lambda x, y: 1 + 0.5 * np.sin(x) * np.cos(2 * y))
    disc = unit.density(lambda x, y: ((x - 0.5) ** 2 + (y - 0.5) ** 2 < 0.15**2) * 1.0)
    smooth = unit.density(lambda x, y: ((x - 0.5) ** 2 + (y - 0.5) ** 2 < 0.15**2) * 1.0, order=4)
    islands = unit.density(
        lambda x, y: ((x - 0.25) ** 2 + (y - 0.5) ** 2 < 0.02) + 0.5 * ((x - 0.75) ** 2 + (y - 0.4) ** 2 < 0.01)
    )
    ball, larger = (grid.density(lambda x, y, z: np.exp(-((x - 0.5) ** 2 + y**2 + z**2) / 2)) for grid in (space, more))
    small = jf.Grid.box((-3, 3), (-3, 3), cells=64)
    apart = {name: small.density(lambda x, y, c=c: np.exp(-((x - c) ** 2) - y**2)) for name, c in (("u", 0.5), ("v", -0.5))}
    ions = jf.Species(apart)
    charged = jf.Entropy("u") + jf.Entropy("v") + jf.DirichletCoupling(u=1, v=-1, permittivity=0.1)
    deep = jf.Entropy() + jf.Potential(lambda x, y, z: (x**2 + y**2 + z**2) / 2)
    cases = [("narrow heap", jf.Entropy() + well, heap, 0.05, s) for s in (None, jf.Entropic(), jf.FiniteVolume())]
    cases += [("rough V", 0.2 * jf.Entropy() + rough, wide, dt, None) for dt in (0.01, 0.1, 1.0)]
    cases += [(f"disc, m = {m}", 1e-3 * jf.RenyiEntropy(m), disc, 4e-3, None) for m in (1.5, 2, 4)]
    cases += [("disc, m = 2", 1e-3 * jf.RenyiEntropy(2), disc, dt, None) for dt in (4e-4, 4e-2)]
    cases += [("disc of averages, m = 2", 1e-3 * jf.RenyiEntropy(2), smooth, dt, None) for dt in (4e-4, 4e-3, 4e-2)]
    cases += [("two islands, m = 2", 0.01 * jf.RenyiEntropy(2), islands, 0.02, None)]
    cases += [("48^3", deep, ball, 0.05, s) for s in (None, jf.Entropic(), jf.FiniteVolume())]
    cases += [("64^3", deep, larger, 0.05, s) for s in (None, jf.Entropic())]
    cases += [("ions 64^2", charged, ions, 0.05, s) for s in (None, jf.FiniteVolume())]
    for name, law, rho, dt, solver in cases:
        scheme = jf.JKO() if solver is None else jf.JKO(solver)
        run = lambda a=law, b=rho, c=dt, s=scheme: jf.evolve(a, b, scheme=s, dt=c, t_end=c, progress=False, on_failure="return")  # noqa: E731
        label = "JKO()" if solver is None else f"JKO({type(solver).__name__}())"
        yield row(f"{label}: {name}, dt {dt:g}", run, lambda f: f"{f.statuses[-1].name} by {f.solvers[-1]}")


def distances() -> Iterator[Row]:
    """W2, with the relative error against the closed form of Gaussians, or against the sorted formula."""
    import ot

    import jkoflow as jf

    rng = np.random.default_rng(0)
    x, y = np.sort(rng.normal(size=1_000_000)), np.sort(2 * rng.normal(size=1_000_000) + 1)
    exact = float(np.sqrt(np.mean((x - y) ** 2)))
    a, b = jf.Particles(x, np.full(len(x), 1e-6)), jf.Particles(y, np.full(len(y), 1e-6))
    relative = lambda d, e=exact: abs(float(d) / e - 1)  # noqa: E731
    yield row("ours: the line, 10^6", lambda: jf.wasserstein(a, b), relative)
    yield row("POT emd2_1d: the line, 10^6", lambda: ot.emd2_1d(x, y) ** 0.5, relative)
    yield row(
        "sorted formula, sorts counted: the line, 10^6", lambda: np.sqrt(np.mean((np.sort(x) - np.sort(y)) ** 2)), relative
    )
    for n in (128, 256, 512):
        grid = jf.Grid.box((-6, 6), (-6, 6), cells=n)
        first = grid.density(lambda x, y: np.exp(-((x + 1) ** 2 + y**2) / 2))
        second = grid.density(lambda x, y: np.exp(-((x - 1) ** 2 / (2 * 0.49) + (y - 1) ** 2 / (2 * 1.21))))
        first, second = (jf.Density(grid, rho.values / rho.mass) for rho in (first, second))
        known = np.sqrt(4 + 1 + 0.3**2 + 0.1**2)
        error = lambda d, e=known: f"{abs(d / e - 1):.1e}, at least {d.lower / e - 1:+.1e}"  # noqa: E731
        yield row(f"ours: {n}^2 cells", lambda a=first, b=second: jf.wasserstein(a, b), error, 1)
    for n in (1000, 10_000):
        cloud, other = rng.normal(size=(n, 2)), rng.normal(size=(n, 2)) + 1
        a, b = (jf.Particles(z, np.full(n, 1 / n)) for z in (cloud, other))
        yield row(
            f"ours: clouds of {n}", lambda a=a, b=b: jf.wasserstein(a, b), lambda d: f"{d:.5f}, at least {d.lower:.5f}", 1
        )
        weights = np.full(n, 1 / n)
        if n == 1000:
            run = lambda c=cloud, o=other, w=weights: ot.emd2(w, w, ot.dist(c, o)) ** 0.5  # noqa: E731
        else:
            divergence = ot.bregman.empirical_sinkhorn_divergence
            run = lambda c=cloud, o=other, f=divergence: float(f(c, o, reg=0.0784, numIterMax=100)) ** 0.5  # noqa: E731
        yield row(f"POT: clouds of {n}", run, lambda d: f"{d:.5f}", 1)


def main_job() -> Iterator[Row]:
    """What `make run` runs."""
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        subprocess.run([sys.executable, "-m", "jkoflow"], cwd=folder, capture_output=True, check=True)
        yield "python -m jkoflow", time.perf_counter() - began, ""


TABLES = [fokker_planck, first_call, sums, particles, quantiles, grids, distances, main_job]


def rows_before(folder: str, table: str) -> dict[str, str]:
    """The seconds of a table under the version in a folder, as text by the name of the row; it ends at what that refuses."""
    environment = os.environ | {"PYTHONPATH": folder}
    command = [sys.executable, str(HERE / "speed.py"), table]
    text = subprocess.run(command, env=environment, capture_output=True, text=True, check=False).stdout
    rows = [line[2:] for line in text.splitlines() if line.startswith("  ")]
    return {line[:64].rstrip(): line[64:74].strip() for line in rows}


def main() -> None:
    before = sys.argv[sys.argv.index("--before") + 1] if "--before" in sys.argv else None
    chosen = [table for table in TABLES if table.__name__ in sys.argv[1:]] or TABLES
    lines = [
        f"{datetime.date.today()}, {os.cpu_count()} cores, Python {sys.version.split()[0]}; seconds, and errors or a status",
        "",
    ]
    print(lines[0], flush=True)
    for table in chosen:
        lines += [f"{table.__name__}: {(table.__doc__ or '').strip()}"]
        print("\n" + lines[-1], flush=True)
        old = rows_before(before, table.__name__) if before else {}
        for name, seconds, told in table():
            earlier = f"  before {old[name]}" if old.get(name, "nan") != "nan" else ""
            lines += [f"  {name:<64}{seconds:>10.3g}  {told}{earlier}"]
            print(lines[-1], flush=True)
        lines += [""]
    if chosen == TABLES:
        (HERE / "speed.txt").write_text("\n".join(lines))


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main()
