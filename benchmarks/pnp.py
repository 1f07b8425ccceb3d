"""Two ions with Poisson's equation in the unit square: jkoflow against FiPy at equal error, and boxes in space.

Run as `python benchmarks/pnp.py`; FiPy comes by `pip install fipy`, and without it its rows are left out. Its scheme is
backward Euler with the three equations coupled, three sweeps a step, and the LU of scipy (faster and more exact here than its
Krylov solvers with ILU); psi has a mass term of 1e-8 in the place of the free constant. Seconds per step are medians without
the first step. The error is that of u at t = .05, relative in L1, against the midpoint rule on 256 x 256 cells at dt = 1/1600.
"""

from __future__ import annotations

import resource
import statistics
import time
from collections.abc import Callable

import numpy as np
import peers

import jkoflow as jf

END = 0.05


def ions(grid: jf.Grid) -> jf.Species:
    u = grid.density(lambda x, y, *_: 1 + 0.5 * np.cos(np.pi * x) * np.cos(2 * np.pi * y) + 0.3 * np.cos(np.pi * x))
    v = grid.density(lambda x, y, *_: 1 - 0.5 * np.cos(np.pi * x) * np.cos(2 * np.pi * y))
    return jf.Species(u=u, v=v)


def law(c: float) -> jf.Energy:
    return jf.Entropy("u") + jf.Entropy("v") + jf.DirichletCoupling(u=1, v=-1, permittivity=1 / c)


def ours(shape: tuple[int, ...], scheme: jf.Scheme, steps: int, c: float, end: float = END) -> tuple[float, np.ndarray]:
    """The seconds of a step and u at the end."""
    grid = jf.Grid.box(*((0, 1),) * len(shape), cells=shape)
    spent, last, began = [], None, time.perf_counter()
    for step in jf.steps(law(c), ions(grid), scheme=scheme, dt=end / steps, t_end=end):
        now = time.perf_counter()
        spent.append(now - began)
        last, began = step, now
    assert last is not None
    assert last.info.status.ok, last.info.status
    return statistics.median(spent[1:] or spent), last.state["u"].values


def fipy_peer() -> Callable[[int, int, float], tuple[float, np.ndarray]] | None:
    fp = peers.fipy()
    if fp is None:
        return None

    def peer(n: int, steps: int, c: float) -> tuple[float, np.ndarray]:
        mesh = fp.Grid2D(nx=n, ny=n, dx=1 / n, dy=1 / n)
        start = ions(jf.Grid.box((0, 1), (0, 1), cells=n))
        u, v = (fp.CellVariable(mesh=mesh, value=start[s].values.T.ravel(), hasOld=True) for s in "uv")
        psi = fp.CellVariable(mesh=mesh, value=0.0, hasOld=True)
        of_u = fp.DiffusionTerm(var=u) + fp.DiffusionTerm(coeff=u.arithmeticFaceValue, var=psi)
        of_v = fp.DiffusionTerm(var=v) - fp.DiffusionTerm(coeff=v.arithmeticFaceValue, var=psi)
        source = fp.ImplicitSourceTerm(coeff=c, var=u) - fp.ImplicitSourceTerm(coeff=c, var=v)
        of_psi = fp.DiffusionTerm(var=psi) - fp.ImplicitSourceTerm(coeff=1e-8, var=psi) + source
        equations = (fp.TransientTerm(var=u) == of_u) & (fp.TransientTerm(var=v) == of_v) & (of_psi == 0)
        solver = fp.LinearLUSolver(tolerance=1e-8, criterion="RHS", iterations=5)
        spent = []
        for _ in range(steps):
            began = time.perf_counter()
            for one in (u, v, psi):
                one.updateOld()
            for _ in range(3):
                equations.sweep(dt=END / steps, solver=solver)
            spent.append(time.perf_counter() - began)
        return statistics.median(spent[1:]), np.asarray(u.value).reshape(n, n).T

    return peer


def gathered(values: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    factors = [m // n for m, n in zip(values.shape, shape, strict=True)]
    return values.reshape(shape[0], factors[0], shape[1], factors[1]).mean(axis=(1, 3))


def plane(c: float) -> None:
    _, fine = ours((256, 256), jf.ImplicitMidpoint(), 80, c)
    peer = fipy_peer()
    print(f"the plane, c = {c:g}: t = {END}")
    print(f"{'cells':>6} {'method':>22} {'dt':>9} {'s/step':>8} {'error':>9} {'s to t':>8}")
    for n in (64, 128):
        rows = [("JKO", jf.JKO(), steps) for steps in (10, 40)] + [("midpoint", jf.ImplicitMidpoint(), k) for k in (5, 10)]
        for name, scheme, steps in rows:
            per_step, u = ours((n, n), scheme, steps, c)
            show(n, f"jkoflow {name}", steps, per_step, u, fine)
        if peer is not None:
            for steps in (10, 40) if n == 64 else (10,):
                per_step, u = peer(n, steps, c)
                show(n, "FiPy", steps, per_step, u, fine)


def show(n: int, name: str, steps: int, per_step: float, u: np.ndarray, fine: np.ndarray) -> None:
    error = np.abs(u - gathered(fine, (n, n))).mean()
    print(f"{n:>6} {name:>22} {END / steps:9.5f} {per_step:8.3f} {error:9.1e} {per_step * steps:8.2f}", flush=True)


def growth() -> None:
    print("JKO step, dt = .005, c = 50: seconds and the exponent in the number of cells")
    for dim, counts in ((1, (256, 1024, 4096)), (2, (64, 128, 256)), (3, (16, 24, 32, 48, 64))):
        before = None
        for n in counts:
            if dim == 1:
                per_step = line(n)
            else:
                per_step, _ = ours((n,) * dim, jf.JKO(), 3, 50.0, 0.015)
            memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
            power = "" if before is None else f"{np.log(per_step / before[1]) / (dim * np.log(n / before[0])):6.2f}"
            print(f"{dim}-D {n:>6} {per_step:8.3f} s {power:>6}   most memory so far {memory:.2f} GiB", flush=True)
            before = n, per_step


def line(n: int) -> float:
    grid = jf.Grid.box((0, 1), cells=n)
    wave = np.cos(np.pi * grid.axes[0])
    state = jf.Species(u=grid.density(1 + 0.5 * wave), v=grid.density(1 - 0.5 * wave))
    spent, began = [], time.perf_counter()
    for _ in jf.steps(law(50.0), state, dt=0.005, t_end=0.025):
        spent.append(time.perf_counter() - began)
        began = time.perf_counter()
    return statistics.median(spent[1:])


if __name__ == "__main__":
    ours((16, 16), jf.JKO(), 2, 1.0)  # compiles
    plane(1.0)
    plane(50.0)
    growth()
