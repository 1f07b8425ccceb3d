"""FiniteVolume: its orders, its distance from the exact step, its cost, and its time at equal error against plain scipy.

Run ``python benchmarks/audit/volumes.py``. It takes about two minutes on one core.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"
os.environ["MKL_NUM_THREADS"] = os.environ["NUMBA_NUM_THREADS"] = "1"

import numpy as np
from scipy.optimize import brentq
from scipy.special import betainc, ndtr

if "scipy" not in sys.argv and "pde" not in sys.argv:  # their processes do not pay for this import
    import jkoflow as jf

SLACK = 0.25  # by which a measured order may fall short
LONGEST = 60  # seconds that a process of the last table may take


@dataclass(frozen=True)
class Problem:
    """A flow on a box, with the orders that are expected."""

    name: str
    law: Any
    box: tuple
    start: Callable[[Any], Any]
    """A function of the grid."""
    t_end: float
    of_cells: float
    """The order that is expected in dx."""
    cells: tuple = (40, 80, 160)
    steps: tuple = (8, 16, 32)
    exact: Callable[[Any], Any] | None = None
    """The cell averages at the end, a function of the grid; without it fine runs are the reference."""
    counted: Callable[..., Any] | None = None
    """Where errors count, a function of the coordinates; without it everywhere."""
    closed_in_time: bool = True
    """Whether the error of dt is taken against the closed form too; otherwise it is against a run with fine steps."""
    fixed_steps: int = 8
    """Steps in the dx rows: of all runs if a fine run is the reference, otherwise of the run on the fewest cells."""
    fixed_cells: int = 0
    """Cells an axis in the dt rows; 0 stands for the most of ``cells``."""
    finer: int = 4
    """How many times finer the reference in dx is than the finest run."""


def grid_of(problem: Problem, cells: int) -> Any:
    return jf.Grid.box(*problem.box, cells=cells)


def final(problem: Problem, cells: int, steps: int, solver: Any = None, t_end: float | None = None) -> np.ndarray:
    """The densities at the end, all species in one array."""
    t = problem.t_end if t_end is None else t_end
    scheme = jf.JKO(jf.FiniteVolume() if solver is None else solver)
    state = problem.start(grid_of(problem, cells))
    flow = jf.evolve(problem.law, state, scheme=scheme, dt=t / steps, t_end=t, progress=False)
    return stacked(flow.final)


def stacked(state: Any) -> np.ndarray:
    """The values of a Density or of all species."""
    return np.stack([part.values for part in state.values()]) if isinstance(state, jf.Species) else state.values[None]


def averaged(values: np.ndarray, cells: int) -> np.ndarray:
    """Means over blocks of cells, one block for each cell of a coarser grid."""
    for axis in range(1, values.ndim):
        shape = (*values.shape[:axis], cells, values.shape[axis] // cells, *values.shape[axis + 1 :])
        values = values.reshape(shape).mean(axis=axis + 1)
    return values


def distance(problem: Problem, values: np.ndarray, reference: np.ndarray) -> float:
    """The relative L1 error, over all species."""
    cells = values.shape[1]
    reference = averaged(reference, cells)
    mesh = np.meshgrid(*grid_of(problem, cells).axes, indexing="ij")
    counted = np.ones(values.shape[1:], dtype=bool) if problem.counted is None else problem.counted(*mesh)
    return float(np.abs(values - reference)[:, counted].sum() / np.abs(reference)[:, counted].sum())


def order(errors: Sequence[float], finer: float = np.inf) -> float:
    """The order p from two errors at sizes 2 and 1, against a reference of size 1 / finer that has an error of its own."""
    if not min(errors) > 0:
        return np.nan
    gap = lambda p: (2**p - finer**-p) / (1 - finer**-p) - errors[0] / errors[1]  # noqa: E731
    low, high = 0.02, 8.0
    return float(brentq(gap, low, high)) if gap(low) * gap(high) < 0 else float(np.log2(errors[0] / errors[1]))


def in_dx(problem: Problem) -> tuple[list[float], list[float]]:
    """Errors and orders in dx.

    Against a closed form dt falls as dx^2, so that its error is of order 2. Against a fine run all runs have the same dt.
    """
    if problem.exact is None:
        most = problem.finer * problem.cells[-1]
        reference = final(problem, most, problem.fixed_steps)
        errors = [distance(problem, final(problem, n, problem.fixed_steps), reference) for n in problem.cells]
        return errors, [order(errors[k : k + 2], problem.finer * 2 ** (1 - k)) for k in range(2)]
    errors = []
    for n in problem.cells:
        steps = problem.fixed_steps * (n // problem.cells[0]) ** 2
        errors.append(distance(problem, final(problem, n, steps), problem.exact(grid_of(problem, n))))
    return errors, [order(errors[k : k + 2]) for k in range(2)]


def in_dt(problem: Problem) -> tuple[list[float], list[float]]:
    """Errors and orders in dt, all runs on the same cells."""
    n = problem.fixed_cells or problem.cells[-1]
    if problem.exact is not None and problem.closed_in_time:
        reference, finer = problem.exact(grid_of(problem, n)), np.inf
    else:
        reference, finer = final(problem, n, 8 * problem.steps[-1]), 8
    errors = [distance(problem, final(problem, n, s), reference) for s in problem.steps]
    return errors, [order(errors[k : k + 2], finer * 2 ** (1 - k)) for k in range(2)]


def gaussian(grid: Any, mean: float, variance: float) -> np.ndarray:
    """The cell averages of a Gaussian with the same mean and variance on every axis."""
    return gaussian_averages([(float(low), float(high)) for low, high in grid.bounds], grid.shape, mean, variance)


def gaussian_averages(box: Sequence[tuple], shape: Sequence[int], mean: float, variance: float) -> np.ndarray:
    """The same from the distribution function, without jkoflow."""
    out = np.ones(())
    for (low, high), n in zip(box, shape, strict=True):
        edges = np.linspace(low, high, n + 1)
        out = np.multiply.outer(out, np.diff(ndtr((edges - mean) / variance**0.5)) * n / (high - low))
    return out


def barenblatt_averages(grid: Any, exact: Any, t: float) -> np.ndarray:
    """The cell averages of a Barenblatt solution on the line, from its distribution function."""
    q, (low, high) = 1 / (exact.m - 1), grid.bounds[0]
    edges = np.clip(np.linspace(low, high, grid.shape[0] + 1) / exact.radius(t), -1, 1)
    return np.diff(betainc(q + 1, q + 1, (1 + edges) / 2)) / grid.spacing[0]


def linear(name: str, stiffness: float, half: float) -> Problem:
    """Heat or Fokker-Planck from a Gaussian, on the line."""
    exact = jf.closed_forms.OrnsteinUhlenbeck(0.5, 0.5, stiffness=stiffness)
    law = jf.Entropy() + jf.Potential(lambda x: stiffness * x**2 / 2) if stiffness else jf.Entropy()
    return Problem(
        name=name,
        law=law,
        box=((-half, half),),
        start=lambda grid: grid.density(gaussian(grid, 0.5, 0.5)),
        t_end=0.5,
        of_cells=2,
        exact=lambda grid: gaussian(grid, *exact.flow(0.5))[None],
        fixed_cells=1600,
    )


def barenblatt(m: float, inside: bool = False) -> Problem:
    """The porous medium equation on the line from time 1 to 2. Inside, the solution is smooth."""
    exact = jf.closed_forms.Barenblatt(m=m, d=1)
    half = 1.3 * exact.radius(2.0)
    return Problem(
        name=f"Barenblatt m = {m:g}{', inside' if inside else ''}",
        law=jf.RenyiEntropy(m),
        box=((-half, half),),
        start=lambda grid: grid.density(barenblatt_averages(grid, exact, 1.0)),
        t_end=1.0,
        of_cells=2 if inside else min(2.0, 1 + 1 / (m - 1)),  # at the front rho is a power 1 / (m - 1) of the distance
        cells=(50, 100, 200) if inside else (200, 400, 800),
        exact=lambda grid: barenblatt_averages(grid, exact, 2.0)[None],
        fixed_steps=256 if inside else 64,
        counted=(lambda x: abs(x) < 0.5 * exact.radius(1.0)) if inside else None,
        closed_in_time=False,
    )


def positive_power() -> Problem:
    """A power without drift and without a front."""
    return Problem(
        name="power m = 2, density > 0",
        law=jf.RenyiEntropy(2),
        box=((0, 1),),
        start=lambda grid: grid.density(lambda x: 1 + 0.5 * np.cos(np.pi * x), order=3),
        t_end=0.04,
        of_cells=2,
    )


def ions() -> Problem:
    """Two ions on the line between insulating walls."""

    def start(grid: Any) -> Any:
        u = grid.density(lambda x: 1 + 0.8 * np.cos(np.pi * x), order=3)
        return jf.Species(u=u, v=grid.density(lambda x: 1 - 0.5 * np.cos(2 * np.pi * x), order=3))

    law = jf.Entropy("u") + jf.Entropy("v") + jf.DirichletCoupling(u=1, v=-1, permittivity=0.1)
    return Problem("PNP, two ions", law, ((0, 1),), start, 0.05, 2)


def two_species(power: bool) -> Problem:
    """Two species that attract each other, spread by entropies or by squares."""

    def start(grid: Any) -> Any:
        return jf.Species(a=grid.density(gaussian(grid, -0.7, 0.2)), b=grid.density(gaussian(grid, 0.8, 0.3)))

    inner = jf.RenyiEntropy if power else lambda m, name: jf.Entropy(name)
    law = 0.5 * inner(2, "a") + 0.3 * inner(2, "b") + 2 * jf.CrossInteraction(jf.Gaussian(1.0, 1.5), between=("a", "b"))
    words = "powers m = 2" if power else "entropies"
    return Problem(f"two species, {words}", law, ((-4, 4),), start, 0.3, 2)


def ring(power: bool, off_corners: bool = False) -> Problem:
    """A ring of mass that a constant force drives round a square in its middle. The walls lie on faces of all grids.

    Off the corners of the square, where the solution is not smooth, errors count only farther than 0.5 from them.
    """

    def start(grid: Any) -> Any:
        shape = lambda x, y: np.exp(-((np.hypot(x, y) - 1.2) ** 2) / 0.08) * ((abs(x) > 0.5) | (abs(y) > 0.5))  # noqa: E731
        return grid.density(shape, order=3)

    wall = jf.Obstacle(lambda x, y: (abs(x) < 0.5) & (abs(y) < 0.5)) + jf.Potential(lambda x, y: -2 * x)
    law = (0.3 * jf.RenyiEntropy(2) if power else 0.2 * jf.Entropy()) + wall
    words = "off corners" if off_corners else "power m = 2" if power else "entropy"
    return Problem(
        name=f"ring, obstacle, {words}",
        law=law,
        box=((-2, 2), (-2, 2)),
        start=start,
        t_end=0.4,
        of_cells=2,
        cells=(32, 64, 128),
        counted=(lambda x, y: np.hypot(abs(x) - 0.5, abs(y) - 0.5) > 0.5) if off_corners else None,
        fixed_cells=32,
        finer=2,
    )


def problems() -> Iterator[Problem]:
    yield linear("heat", 0.0, 9.0)
    yield linear("Fokker-Planck", 1.0, 7.0)
    yield ions()
    yield two_species(power=False)
    yield ring(power=False)
    yield ring(power=False, off_corners=True)
    yield barenblatt(2)
    yield barenblatt(2, inside=True)
    yield barenblatt(6)
    yield barenblatt(6, inside=True)
    yield positive_power()
    yield two_species(power=True)
    yield ring(power=True)


def row(problem: Problem, variable: str, expected: float, sizes: Sequence[int], found: tuple) -> str:
    """A line of the table of orders."""
    errors, between = found
    reference = "closed form" if problem.exact is not None and (variable == "dx" or problem.closed_in_time) else "fine run"
    text = "  ".join(f"{n:4d} {error:8.2e}" for n, error in zip(sizes, errors, strict=True))
    short = "  short" if not between[-1] >= expected - SLACK else ""
    return f"{problem.name:27} {variable}  {text}   {between[0]:5.2f} {between[1]:5.2f}   {expected:g}   {reference}{short}"


def orders() -> None:
    """A table of orders in dt and dx."""
    print(
        "1. Orders. Relative L1 errors at three sizes (cells an axis, or steps), the orders between them, the expected order."
    )
    print("   Closed form in dx: dt falls as dx^2. Fine run: its own error is taken into account in the order.")
    print(f"   short: the last order is more than {SLACK} below the expected one.")
    print(
        "   inside: errors count where abs(x) is below half the radius at the start. off corners: farther than 0.5 from them."
    )
    for problem in problems():
        print(row(problem, "dt", 1, problem.steps, in_dt(problem)))
        print(row(problem, "dx", problem.of_cells, problem.cells, in_dx(problem)), flush=True)


def against_the_exact_step() -> None:
    """A table of relative L1 distances of FiniteVolume and BackAndForth after four steps."""
    print(
        "\n2. FiniteVolume against BackAndForth after 4 steps: relative L1 distance at three dt, and the orders between them."
    )
    print("   The error of the cells is taken out by runs on half the cells. Expected order 2: the steps differ by O(dt^2).")
    for problem, dt, cells in (
        (linear("heat", 0.0, 7.0), 0.02, 800),
        (linear("Fokker-Planck", 1.0, 6.0), 0.02, 800),
        (ions(), 0.002, 800),
        (two_species(power=False), 0.02, 800),
        (positive_power(), 0.002, 1600),
        (barenblatt(2, inside=True), 0.02, 1600),
    ):
        sizes = (dt, dt / 4, dt / 16)
        apart = [gap(problem, cells, size) for size in sizes]
        numbers = "  ".join(f"{size:9.3g} {one:9.2e}" for size, one in zip(sizes, apart, strict=True))
        slopes = " ".join(f"{np.log(a / b) / np.log(4):5.2f}" for a, b in pairwise(apart))
        print(f"{problem.name:27} {cells:5d} cells  {numbers}   {slopes}   2", flush=True)


def gap(problem: Problem, cells: int, dt: float) -> float:
    """The distance between both solvers after four steps.

    The difference of both runs is extrapolated from two grids. An error of order 1 in the cells cancels. One of order 2 is
    small on so many cells.
    """
    differences = []
    for n in (cells // 2, cells):
        exact = final(problem, n, 4, jf.BackAndForth(), 4 * dt)
        differences.append(averaged(final(problem, n, 4, None, 4 * dt) - exact, cells // 2))
    exact = averaged(exact, cells // 2)
    return distance(problem, exact + 2 * differences[1] - differences[0], exact)


def costs() -> None:
    """A table of seconds a step, with the exponent in the number of cells."""
    print("\n3. Seconds of one step from a Gaussian, dt = 0.02, the fastest of 2 to 5 repeats; exponent in the number of cells")
    square = lambda *x: sum(xi**2 for xi in x)  # noqa: E731
    laws = {
        "Fokker-Planck": lambda: jf.Entropy() + jf.Potential(lambda *x: square(*x) / 2),
        "porous medium, m = 2": lambda: jf.RenyiEntropy(2),
    }
    for name, law in laws.items():
        for dim, sizes in ((2, (64, 128, 256)), (3, (16, 32))):
            times = [fastest(law(), dim, n) for n in sizes]
            numbers = "  ".join(f"{n:4d}^{dim} {seconds:8.4f}" for n, seconds in zip(sizes, times, strict=True))
            slopes = [np.log(b / a) / (dim * np.log(2)) for a, b in pairwise(times)]
            print(f"{name:24} {numbers}   exponent {' '.join(f'{slope:.2f}' for slope in slopes)}", flush=True)


def fastest(law: Any, dim: int, cells: int) -> float:
    """The seconds of the fastest of some repeats of one step."""
    rho = jf.Species.of(jf.Grid.box(*((-3, 3),) * dim, cells=cells).density(lambda *x: np.exp(-2 * sum(xi**2 for xi in x))))
    best, began = np.inf, time.perf_counter()
    for k in range(5):
        step = jf.ProximalStep(law, rho, 0.02)
        start = time.perf_counter()
        answer = jf.FiniteVolume().solve(step)
        best = min(best, time.perf_counter() - start)
        if not answer.status.ok:
            return np.nan
        if k and time.perf_counter() - began > 2:
            break
    return best


MEAN, VARIANCE, T_END, HALF = 0.5, 0.5, 0.25, 4.5
SETTINGS = {  # cells an axis and steps: the cheapest found for a relative L1 error of 1 % and of 0.1 %
    "FiniteVolume": {"1 %": (36, 14), "0.1 %": (106, 162)},
    "BackAndForth": {"1 %": (32, 10), "0.1 %": (106, 120)},
    "ImplicitMidpoint": {"1 %": (24, 2), "0.1 %": (64, 3)},
    "scipy": {"1 %": (26, 2), "0.1 %": (76, 4)},
    "pde": {"1 %": (44, 1), "0.1 %": (120, 1)},
}
WORDS = {
    "FiniteVolume": "jkoflow, JKO(FiniteVolume())",
    "BackAndForth": "jkoflow, JKO(BackAndForth())",
    "ImplicitMidpoint": "jkoflow, ImplicitMidpoint()",
    "scipy": "scipy, TR-BDF2",
    "pde": "py-pde, adaptive Runge-Kutta",
}


def fokker_planck(cells: int, t: float) -> np.ndarray:
    """The cell averages of the closed form in the plane."""
    mean, variance = MEAN * np.exp(-t), 1 + (VARIANCE - 1) * np.exp(-2 * t)
    return gaussian_averages([(-HALF, HALF)] * 2, (cells, cells), mean, variance)


def by_jkoflow(method: str, cells: int, steps: int) -> np.ndarray:
    """By a solver of JKO, or by ImplicitMidpoint."""
    grid = jf.Grid.box((-HALF, HALF), (-HALF, HALF), cells=cells)
    law = jf.Entropy() + jf.Potential(lambda x, y: (x**2 + y**2) / 2)
    scheme = jf.ImplicitMidpoint() if method == "ImplicitMidpoint" else jf.JKO(getattr(jf, method)())
    start = grid.density(fokker_planck(cells, 0.0), mass=None)
    return jf.evolve(law, start, scheme=scheme, dt=T_END / steps, t_end=T_END, progress=False).final.values


# ------------------------------------------------------------------------------------------------- plain scipy


def bernoulli(w: np.ndarray) -> np.ndarray:
    """w / (exp(w) - 1)."""
    small = np.abs(w) < 1e-5
    safe = np.where(small, 1.0, w)
    return np.where(small, 1 - w / 2, safe / np.expm1(safe))


def faces(shape: tuple) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
    """The axis, the cells below and the cells above of all inner faces."""
    number = np.arange(np.prod(shape)).reshape(shape)
    for axis in range(len(shape)):
        lined = np.moveaxis(number, axis, 0)
        yield axis, lined[:-1].ravel(), lined[1:].ravel()


def scharfetter_gummel(potential: np.ndarray, spacing: Sequence[float]) -> Any:
    """The matrix A of d rho/dt = A rho, for diffusion 1 in a potential and no flux through the walls."""
    from scipy.sparse import csc_matrix

    rows, columns, entries = [], [], []
    for axis, low, high in faces(potential.shape):
        rise = potential.ravel()[high] - potential.ravel()[low]
        forth, back = bernoulli(rise) / spacing[axis] ** 2, bernoulli(-rise) / spacing[axis] ** 2
        for row_, column, entry in ((low, low, -forth), (high, low, forth), (low, high, back), (high, high, -back)):
            rows.append(row_)
            columns.append(column)
            entries.append(entry)
    places = np.concatenate(rows), np.concatenate(columns)
    return csc_matrix((np.concatenate(entries), places), shape=(potential.size, potential.size))


def tr_bdf2(A: Any, rho: np.ndarray, dt: float, steps: int) -> np.ndarray:
    """TR-BDF2 for a linear equation: both stages of all steps share one factorisation.

    Source: Bank, Coughran, Fichtner, Grosse, Rose, Smith (1985); Hosea and Shampine (1996).
    """
    from scipy.sparse import eye
    from scipy.sparse.linalg import splu

    g = 2 - 2**0.5
    half = g * dt / 2
    factors = splu((eye(len(rho), format="csc") - half * A).tocsc())
    for _ in range(steps):
        middle = factors.solve(rho + half * (A @ rho))
        rho = factors.solve((middle - (1 - g) ** 2 * rho) / (g * (2 - g)))
    return rho


def by_scipy(cells: int, steps: int) -> np.ndarray:
    """By finite volumes and TR-BDF2, from the same start."""
    h = 2 * HALF / cells
    x = -HALF + h * (np.arange(cells) + 0.5)
    A = scharfetter_gummel((x[:, None] ** 2 + x**2) / 2, (h, h))
    return tr_bdf2(A, fokker_planck(cells, 0.0).ravel(), T_END / steps, steps).reshape(cells, cells)


# ------------------------------------------------------------------------------------------------- the comparison


def by_pde(cells: int, steps: int) -> np.ndarray:
    """By py-pde, from the same start, with adaptive steps of which the first is t_end / steps."""
    import pde

    grid = pde.CartesianGrid([(-HALF, HALF), (-HALF, HALF)], cells)
    start = pde.ScalarField(grid, fokker_planck(cells, 0.0))
    equation = pde.PDE({"c": "laplace(c) + x * d_dx(c) + y * d_dy(c) + 2 * c"}, bc={"value": 0})
    found = equation.solve(start, T_END, dt=T_END / steps / 100, adaptive=True, tracker=None)
    return found.data


def child(method: str, cells: int, steps: int) -> None:
    """Solve in this process; print the relative L1 error and the seconds after import."""
    if method == "scipy":
        import scipy.sparse.linalg  # noqa: F401
    if method == "pde":
        import pde  # noqa: F401
    start = time.perf_counter()
    by = {"scipy": by_scipy, "pde": by_pde}
    values = by[method](cells, steps) if method in by else by_jkoflow(method, cells, steps)
    spent = time.perf_counter() - start
    exact = fokker_planck(cells, T_END)
    print(float(np.abs(values - exact).sum() / exact.sum()), spent)


def at_equal_error() -> None:
    """A table of seconds in a fresh process and after import."""
    print("\n4. Fokker-Planck in the plane at equal error: relative L1 error, seconds in a fresh process and after import")
    print(f"{'':8}{'':32}{'cells':>9} {'steps':>6} {'error':>9} {'fresh':>8} {'after import':>13}")
    for accuracy in ("1 %", "0.1 %"):
        for method, words in WORDS.items():
            cells, steps = SETTINGS[method][accuracy]
            start = time.perf_counter()
            command = [sys.executable, __file__, method, str(cells), str(steps)]
            try:
                done = subprocess.run(command, capture_output=True, text=True, timeout=LONGEST)
            except subprocess.TimeoutExpired:
                print(f"{accuracy:8}{words:32}{cells:7d}^2 {steps:6d} more than {LONGEST} s")
                continue
            fresh = time.perf_counter() - start
            if done.returncode:
                reason = "not installed" if "No module named 'pde'" in done.stderr else done.stderr.strip().splitlines()[-1]
                print(f"{accuracy:8}{words.split(',')[0]}: {reason}")
                continue
            error, after = map(float, done.stdout.split())
            shown = "adapt." if method == "pde" else steps
            print(f"{accuracy:8}{words:32}{cells:7d}^2 {shown:>6} {error:9.2e} {fresh:8.2f} {after:13.3f}", flush=True)


def main() -> None:
    start = time.perf_counter()
    orders()
    against_the_exact_step()
    costs()
    at_equal_error()
    print(f"\n{time.perf_counter() - start:.0f} s in all")


if __name__ == "__main__":
    if len(sys.argv) == 4:
        child(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
    else:
        main()
