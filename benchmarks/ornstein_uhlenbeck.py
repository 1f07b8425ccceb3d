"""Ten JKO steps of Ornstein-Uhlenbeck against the exact iterates: errors of mean and variance in n and epsilon.

The mean of the exact iterate is 1.5 / (1 + dt)^10; its variance follows the recursion of jkoflow.OrnsteinUhlenbeck. Convex
moves mass between cell centres only, and is slow in part of the domain although dt is above the freezing threshold.
The last table compares the entropic answers with those of Convex on its own grid as epsilon falls.
"""

from __future__ import annotations

import time
import warnings

import numpy as np

import jkoflow as jf

ENERGY = jf.Entropy() + jf.Potential(lambda x: x**2 / 2)


def run(solver: jf.StepSolver, cells: int, dt: float, steps: int = 10) -> tuple[jf.Density, float, float, float]:
    rho = jf.Grid.box((-5.0, 5.0), cells=cells).density(lambda x: np.exp(-((x - 1.5) ** 2) / 0.5))
    mean, variance = jf.closed_forms.OrnsteinUhlenbeck(float(rho.mean), float(rho.covariance)).jko(dt, steps)
    began = time.perf_counter()
    flow = jf.evolve(ENERGY, rho, scheme=jf.JKO(solver), dt=dt, t_end=dt * steps, on_failure="return")
    seconds = time.perf_counter() - began
    assert flow.ok, flow
    return flow.final, float(flow.final.mean) - mean, float(flow.final.covariance) - variance, seconds


def table(dt: float) -> None:
    print(f"\nOrnstein-Uhlenbeck, 10 steps of dt = {dt}: error against the exact JKO iterate")
    print(f"{'solver':44s} {'n':>4s} {'error of mean':>14s} {'of variance':>12s} {'seconds':>8s}")
    rows: list[tuple[jf.StepSolver, int]] = [(jf.Convex(), n) for n in (32, 64, 128)]
    rows += [(jf.ConvexDynamic(), n) for n in (32, 64, 128)]
    for debias in (False, True):
        for n in (64, 128, 256):
            square = (10.0 / n) ** 2
            rows += [(jf.Entropic(epsilon=e, debias=debias), n) for e in (0.2, 0.1, 0.05, 0.025) if e >= square]
    for solver, n in rows:
        _, mean, variance, seconds = run(solver, n, dt)
        name = type(solver).__name__
        if isinstance(solver, jf.Entropic):
            name = f"Entropic(epsilon={solver.epsilon}, debias={solver.debias})"
        print(f"{name:44s} {n:4d} {mean:14.2e} {variance:12.2e} {seconds:8.2f}")


def main() -> None:
    warnings.simplefilter("ignore", jf.FreezingWarning)
    for dt in (0.2, 0.5):
        table(dt)
    print("\nL1 distance of the entropic answer (debias=False) to that of Convex on the same 64 cells, one step of dt = 0.5")
    reference = run(jf.Convex(), 64, 0.5, 1)[0]
    square = reference.grid.spacing[0] ** 2
    for share in (4, 1, 1 / 4, 1 / 16, 1 / 64):
        rho = run(jf.Entropic(epsilon=share * square, debias=False, max_iterations=20_000), 64, 0.5, 1)[0]
        print(f"epsilon = {share:8.4f} cells^2   {reference.grid.integrate(np.abs(rho.values - reference.values)):.2e}")


if __name__ == "__main__":
    main()
