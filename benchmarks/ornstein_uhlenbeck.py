"""Ten JKO steps of Ornstein-Uhlenbeck against the exact iterates: errors of mean and variance in n and epsilon.

The mean of the exact iterate is 1.5 / (1 + dt)^10; its variance follows the recursion of jkoflow.OrnsteinUhlenbeck. The last
table compares the entropic answers with those of Convex on its own grid as epsilon falls.
"""

from __future__ import annotations

import time
import warnings

import numpy as np

import jkoflow as jf

DT, STEPS = 0.2, 10
ENERGY = jf.Entropy() + jf.Potential(lambda x: x**2 / 2)


def start(cells: int) -> jf.Density:
    return jf.Grid.box((-6.0, 6.0), cells=cells).density(lambda x: np.exp(-((x - 1.5) ** 2) / 0.5))


def run(solver: jf.StepSolver, cells: int) -> tuple[jf.Density, float, float, float]:
    rho = start(cells)
    mean, variance = jf.OrnsteinUhlenbeck(float(rho.mean), float(rho.covariance)).jko(DT, STEPS)
    began = time.perf_counter()
    flow = jf.evolve(ENERGY, rho, scheme=jf.JKO(solver), dt=DT, t_end=DT * STEPS, on_failure="return")
    seconds = time.perf_counter() - began
    assert flow.ok, flow
    return flow.final, float(flow.final.mean) - mean, float(flow.final.covariance) - variance, seconds


def main() -> None:
    print(f"Ornstein-Uhlenbeck, {STEPS} steps of dt = {DT}: error against the exact JKO iterate")
    print(f"{'solver':44s} {'n':>4s} {'error of mean':>14s} {'of variance':>12s} {'seconds':>8s}")
    for cells in (32, 64, 128):
        _, mean, variance, seconds = run(jf.Convex(), cells)
        print(f"{'Convex':44s} {cells:4d} {mean:14.2e} {variance:12.2e} {seconds:8.2f}")
    for cells in (32, 64, 128):
        _, mean, variance, seconds = run(jf.ConvexDynamic(), cells)
        print(f"{'ConvexDynamic':44s} {cells:4d} {mean:14.2e} {variance:12.2e} {seconds:8.2f}")
    for debias in (False, True):
        for cells in (64, 128, 256):
            for epsilon in (0.2, 0.1, 0.05, 0.025):
                if epsilon < (12 / cells) ** 2 / 2:
                    continue
                _, mean, variance, seconds = run(jf.Entropic(epsilon=epsilon, debias=debias), cells)
                name = f"Entropic(epsilon={epsilon}, debias={debias})"
                print(f"{name:44s} {cells:4d} {mean:14.2e} {variance:12.2e} {seconds:8.2f}")
    print("\nL1 distance of the entropic answer to that of Convex on the same 64 cells, debias=False")
    warnings.simplefilter("ignore", jf.FreezingWarning)
    reference = run(jf.Convex(), 64)[0]
    square = reference.grid.spacing[0] ** 2
    for share in (4, 1, 1 / 4, 1 / 16, 1 / 64):
        rho = run(jf.Entropic(epsilon=share * square, debias=False, max_iterations=20_000), 64)[0]
        print(f"epsilon = {share:8.4f} cells^2   {reference.grid.integrate(np.abs(rho.values - reference.values)):.2e}")


if __name__ == "__main__":
    main()
