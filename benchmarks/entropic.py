"""The entropic step: order of the blur, and seconds, iterations and memory on large grids.

Run with the name of a case for that one only; peak memory is that of the process, so each case runs
in its own.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial

import numpy as np

import jkoflow as jf

CASES = {  # name: (shape, energy, epsilon in cells^2)
    "porous medium 128 x 128": ((128, 128), jf.RenyiEntropy(2), 1.5),
    "porous medium 256 x 256": ((256, 256), jf.RenyiEntropy(2), 1.5),
    "porous medium 256 x 256, one cell^2": ((256, 256), jf.RenyiEntropy(2), 1.0),
    "porous medium 512 x 512": ((512, 512), jf.RenyiEntropy(2), 1.5),
    "heat 256 x 256": ((256, 256), jf.Entropy(), 1.5),
    "heat 256 x 256, one cell^2": ((256, 256), jf.Entropy(), 1.0),
    "porous medium 64 x 64 x 64": ((64, 64, 64), jf.RenyiEntropy(2), 1.5),
    "porous medium 64 x 64 x 64, one cell^2": ((64, 64, 64), jf.RenyiEntropy(2), 1.0),
    "heat 64 x 64 x 64, one cell^2": ((64, 64, 64), jf.Entropy(), 1.0),
}


def blur() -> None:
    """The bias of the variance of one Fokker-Planck step of a Gaussian, n = 160."""
    rho = jf.Species.of(jf.Grid.box((-8.0, 8.0), cells=160).density(lambda x: np.exp(-(x**2) / 2)))
    exact = jf.closed_forms.OrnsteinUhlenbeck(0.0, 1.0).jko(0.2)[1]
    step = jf.ProximalStep(jf.Entropy() + jf.Potential(lambda x: x**2 / 2), rho, 0.2)
    print(f"{'epsilon':>8s} {'debias=False':>13s} {'order':>6s} {'debias=True':>13s} {'order':>6s}")
    last = (np.nan, np.nan)
    for epsilon in (0.4, 0.2, 0.1, 0.05, 0.025):
        solvers = [jf.Entropic(epsilon=epsilon, debias=debias, tolerance=1e-11) for debias in (False, True)]
        bias = [abs(float(s.solve(step).state[""].covariance) - exact) for s in solvers]
        orders = np.log2(np.divide(last, bias))
        print(f"{epsilon:8.3f} {bias[0]:13.2e} {orders[0]:6.2f} {bias[1]:13.2e} {orders[1]:6.2f}")
        last = (bias[0], bias[1])


def large(name: str) -> None:
    """One case: a step in a quadratic well, dt = 0.02 on [-2, 2]^d, after a first step that warms up."""
    shape, energy, cells = CASES[name]
    grid = jf.Grid.box(*[(-2.0, 2.0)] * len(shape), cells=shape)
    rho = grid.density(lambda *x: np.exp(-20 * ((x[0] - 0.5) ** 2 + sum(xi**2 for xi in x[1:]))))
    law = energy + jf.Potential(lambda *x: sum(xi**2 for xi in x) / 2)
    solver = jf.Entropic(epsilon=cells * grid.spacing[0] ** 2)
    first = solver.solve(jf.ProximalStep(law, jf.Species.of(rho), 0.02))
    began = time.perf_counter()
    answer = solver.solve(jf.ProximalStep(law, first.state, 0.02))
    seconds = time.perf_counter() - began
    finite = np.all(np.isfinite(answer.state[""].values)) and np.all(np.isfinite(answer.potentials[""]))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    mass = abs(answer.state[""].mass - 1)
    print(
        f"{name:40s} {seconds:7.2f} s {answer.iterations:4d} iterations {1e3 * seconds / answer.iterations:6.1f} ms each "
        f"{peak:6.0f} MiB  {answer.status.name}, residual {answer.residual:.0e}, mass error {mass:.0e}, finite: {finite}",
        flush=True,
    )


def seconds_of(call: Callable[[], object]) -> float:
    """The least of 20 runs after one that warms up."""
    call()
    runs = []
    for _ in range(20):
        began = time.perf_counter()
        call()
        runs.append(time.perf_counter() - began)
    return min(runs)


def plain_iteration(factor: np.ndarray, marginal: np.ndarray, multipliers: np.ndarray) -> np.ndarray:
    return marginal / (factor @ (marginal / (factor @ multipliers @ factor)) @ factor)


def iteration() -> None:
    """Two applications of the kernel, as a scaling iteration needs, against dense products without logarithms."""
    print(f"\n{'ms':>12s} {'epsilon':>8s} {'plain, dense':>13s} {'logarithms':>11s} {'absorbed':>9s}")
    for n in (128, 256, 512):
        for cells in (1.5, 1.0):
            grid = jf.Grid.box((0, 1), (0, 1), cells=(n, n))
            kernel = jf.GibbsKernel(grid, cells / n**2)
            i = np.arange(n)
            factor = np.exp(-((i[:, None] - i) ** 2) / cells)
            x, y = grid.mesh
            wave = np.cos(2 * np.pi * x) * np.cos(2 * np.pi * y)
            mild, far = 200 * wave, np.where(np.hypot(x - 0.5, y - 0.5) < 0.25, 2e-3 * n**2 * wave, -np.inf)
            plain = partial(plain_iteration, factor, np.full((n, n), 1.0), np.exp(wave))
            times = [seconds_of(plain), *(2 * seconds_of(partial(kernel.log_apply, v)) for v in (mild, far))]
            print(f"{n:6d} x {n:3d} {cells:6.1f} h2 {1e3 * times[0]:13.2f} {1e3 * times[1]:11.2f} {1e3 * times[2]:9.2f}")


def main() -> None:
    wanted = sys.argv[1:]
    if wanted:
        if "iteration" in wanted:
            iteration()
        for name in CASES:
            if name in wanted:
                large(name)
        return
    blur()
    iteration()
    print("\nThe second step from a narrow Gaussian; peak memory of the process")
    for name in CASES:
        subprocess.run([sys.executable, __file__, name], check=True)


if __name__ == "__main__":
    main()
