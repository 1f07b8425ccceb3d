"""Open worlds: a current-voltage curve against FiPy, an evacuation, and the cost of a torus.

Run as `python benchmarks/open.py`; FiPy comes by `pip install fipy`, and without it its rows are left out. It solves by
Gummel's iteration with exponential fluxes and the LU of scipy (its coupled sweeps diverge here), until no unknown changes by
more than 1e-9, each voltage from the one before. Errors are those of the current, relative to that of ours on 192 x 96 cells.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import numpy as np
import peers

import jkoflow as jf

VOLTAGES = np.linspace(-10, 10, 21)
PERMITTIVITY = 0.02


def fixed_charge(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """A diode: walls of either sign on either half, smooth."""
    return -4 * np.tanh((x - 0.5) / 0.1) * (0.5 + np.cos(2 * np.pi * y))


def curve_of(n: int) -> tuple[float, np.ndarray]:
    """The seconds of the curve on n x n/2 cells, and its currents."""
    h = 1 / n
    grid = jf.Grid.box((-h, 1 + h), (0, 0.5), cells=(n + 2, n // 2))
    left, right = (lambda x, y: x < 0), (lambda x, y: x > 1)

    def law(voltage: float) -> jf.Law:
        plates = jf.Electrode(left, 0.0), jf.Electrode(right, voltage)
        doping = grid.sample(fixed_charge)
        salt: jf.Law = jf.DirichletCoupling(p=1, m=-1, permittivity=PERMITTIVITY, doping=doping, electrodes=plates)
        for ion in "pm":
            salt = salt + jf.Entropy(ion) + jf.Reservoir(left, 1.0, ion, "left") + jf.Reservoir(right, 1.0, ion, "right")
        return salt

    start = jf.Species({ion: grid.density(lambda x, y: 1.0 * (x > 0) * (x < 1), mass=None) for ion in "pm"})
    began = time.perf_counter()
    curve = jf.current_voltage(law, start, VOLTAGES)
    assert curve.status.ok, curve.status
    return time.perf_counter() - began, curve.currents["left"]


def fipy_curve() -> Callable[[int], tuple[float, np.ndarray]] | None:
    fp = peers.fipy()
    if fp is None:
        return None

    def peer(n: int) -> tuple[float, np.ndarray]:
        mesh = fp.Grid2D(nx=n, ny=n // 2, dx=1 / n, dy=1 / n)
        p, m, psi = (fp.CellVariable(mesh=mesh, value=v) for v in (1.0, 1.0, 0.0))
        for ion in (p, m):
            ion.constrain(1.0, mesh.facesLeft | mesh.facesRight)
        at_right = fp.Variable(0.0)
        psi.constrain(0.0, mesh.facesLeft)
        psi.constrain(at_right, mesh.facesRight)
        doping = fp.CellVariable(mesh=mesh, value=fixed_charge(*mesh.cellCenters.value))
        poisson = (
            fp.DiffusionTerm(PERMITTIVITY, var=psi) - fp.ImplicitSourceTerm(p + m, var=psi) + (p + m) * psi + (p - m + doping)
            == 0
        )
        of_p = fp.ExponentialConvectionTerm(coeff=-psi.faceGrad, var=p) == fp.DiffusionTerm(1.0, var=p)
        of_m = fp.ExponentialConvectionTerm(coeff=psi.faceGrad, var=m) == fp.DiffusionTerm(1.0, var=m)
        solver, currents = fp.LinearLUSolver(), np.zeros(len(VOLTAGES))
        began = time.perf_counter()
        middle = len(VOLTAGES) // 2
        for way in (range(middle, len(VOLTAGES)), range(middle - 1, -1, -1)):
            if way.step < 0:
                for variable, value in ((p, 1.0), (m, 1.0), (psi, 0.0)):
                    variable.setValue(value)
            for k in way:
                at_right.setValue(VOLTAGES[k])
                for _ in range(200):
                    before = [variable.value.copy() for variable in (p, m, psi)]
                    for equation, variable in ((poisson, psi), (of_p, p), (of_m, m)):
                        equation.solve(var=variable, solver=solver)
                    if max(np.abs(v.value - b).max() for v, b in zip((p, m, psi), before, strict=True)) < 1e-9:
                        break
                else:
                    currents[k] = np.nan
                    continue
                faces = np.abs(mesh.faceCenters.value[0] - 0.5) < 1e-9  # second order, as the flux at a wall is not
                flux = [ion.faceGrad.value[0] + z * ion.faceValue.value * psi.faceGrad.value[0] for ion, z in ((p, 1), (m, -1))]
                currents[k] = float((flux[0] - flux[1])[faces].sum() / n)  # what goes to the left
        return time.perf_counter() - began, currents

    return peer


def evacuation(cells: tuple[int, int]) -> tuple[float, float]:
    """Two rooms and a door: the median seconds of a step, and the share of the crowd that has gone."""
    grid = jf.Grid.box((0, 4.1), (0, 2), cells=cells)
    wall = jf.Obstacle(lambda x, y: (abs(x - 2) < 0.06) & (abs(y - 1) > 0.2))
    way = jf.walking_distance(grid, to=lambda x, y: x > 4, obstacles=wall.where)
    law = jf.Congestion(1.0) + 0.02 * jf.Entropy() + jf.Potential(way) + wall + jf.Exit(lambda x, y: x > 4)
    crowd = grid.density(lambda x, y: 0.8 * (x < 1.8), mass=None)
    spent, began = [], time.perf_counter()
    for step in jf.steps(law, crowd, dt=0.1, t_end=4.0):
        now = time.perf_counter()
        spent.append(now - began)
        began, last = now, step
    assert last.info.status.ok
    return statistics.median(spent[1:]), 1 - last.state.mass / crowd.mass


def seconds_of_a_step(grid: jf.Grid, law: jf.Law) -> float:
    rho = grid.density(lambda x, y: 1.2 + np.cos(2 * np.pi * x) * np.cos(2 * np.pi * y))
    spent = []
    for _ in range(3):
        began = time.perf_counter()
        flow = jf.evolve(law, rho, scheme=jf.JKO(jf.FiniteVolume()), dt=1e-3, t_end=5e-3)
        spent.append((time.perf_counter() - began) / 5)
        assert flow.statuses[-1].ok
    return min(spent)


def main() -> None:
    _, exact = curve_of(192)
    print("21-point current-voltage curve of a diode; error of the current, relative, at its largest over the voltages")
    for name, run in (("jkoflow", curve_of), ("FiPy", fipy_curve())):
        for n in (24, 48, 96) if run is not None else ():
            seconds, currents = run(n)
            error = np.nanmax(np.abs(currents - exact)) / np.abs(exact).max()
            failed = int(np.isnan(currents).sum())
            print(
                f"  {name:8} {n:4} x {n // 2:<4} {seconds:8.2f} s   error {error:.1e}"
                + (f"   {failed} not solved" * (failed > 0))
            )
    for cells in ((96, 48), (192, 96)):
        seconds, gone = evacuation(cells)
        print(f"evacuation {cells[0]} x {cells[1]}: {seconds:.2f} s a step, gone {gone:.3f}")
    print("a step of FiniteVolume, milliseconds: walls, torus, ratio")
    for n in (32, 64, 128):
        box, torus = jf.Grid.box((0, 1), (0, 1), cells=n), jf.Grid.torus((0, 1), (0, 1), cells=n)
        for name, law in (
            ("Entropy", jf.Entropy()),
            ("RenyiEntropy(2)", jf.RenyiEntropy(2)),
            ("Entropy, Gaussian", jf.Entropy() + jf.Interaction(jf.Gaussian(1.0, 0.2))),
        ):
            walled, periodic = 1e3 * seconds_of_a_step(box, law), 1e3 * seconds_of_a_step(torus, law)
            print(f"  {n:4}^2 {name:18} {walled:8.2f} {periodic:8.2f} {periodic / walled:6.2f}")


if __name__ == "__main__":
    main()
