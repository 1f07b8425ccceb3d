"""Porous medium in 1-D and 2-D: relative L1 error at t_end against the Barenblatt solution and against the exact JKO iterate.

The first falls with dt at order one until the grid's own error, which the second shows, takes over.
"""

from __future__ import annotations

import itertools
import time

import numpy as np

import jkoflow as jf

START, END = 0.5, 1.0


def run(m: float, d: int, cells: int, dt: float) -> tuple[float, float, float]:
    exact = jf.closed_forms.Barenblatt(m=m, d=d)
    width = 1.2 * exact.radius(END)
    grid = jf.Grid.box(*[(-width, width)] * d, cells=cells)
    rho = grid.density(exact.density(START), order=4)
    began = time.perf_counter()
    flow = jf.evolve(jf.RenyiEntropy(m), rho, dt=dt, t_end=END - START)
    seconds = time.perf_counter() - began
    iterate = exact.jko(exact.scale(START), dt, round((END - START) / dt))

    def apart(reference: object) -> float:
        return grid.integrate(np.abs(flow.final.values - grid.sample(reference, order=4)))

    return apart(exact.density(END)), apart(exact.at_scale(iterate)), seconds


def main() -> None:
    for d, sizes in ((1, (64, 128, 256, 512)), (2, (64, 128, 256))):
        for m in (2, 3):
            print(f"\nBarenblatt m = {m}, d = {d}, t = {START} to {END}: L1 error to the flow | to the exact iterate | seconds")
            dts = (0.1, 0.05, 0.025, 0.0125)
            print("    n " + "".join(f"{f'dt = {dt}':>28s}" for dt in dts) + "   orders in dt")
            for cells in sizes:
                rows = [run(m, d, cells, dt) for dt in dts]
                orders = [np.log2(a[0] / b[0]) for a, b in itertools.pairwise(rows)]
                cells_text = "".join(f"{a:11.2e} |{b:9.2e} |{s:5.1f}" for a, b, s in rows)
                print(f"{cells:5d} {cells_text}   " + " ".join(f"{order:.2f}" for order in orders))


if __name__ == "__main__":
    main()
