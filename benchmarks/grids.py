"""Exact steps on grids: seconds per step, errors against closed forms, growth with n, first call, and py-pde beside.

One run prints all the tables; give names (``python benchmarks/grids.py diffusion growth``) for some of them.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time

import numpy as np

import jkoflow as jf
from jkoflow.proximal.grids.exact.equations import GridStep
from jkoflow.proximal.grids.exact.newton import newton_change

SOLVER = jf.BackAndForth(tolerance=1e-4, max_iterations=40)
HEIGHT = 2 / np.pi
T_END = (0.3**4 - 0.15**4) * np.pi / 32  # from radius .15 to radius .30


def ball(grid: jf.Grid, radius: float) -> jf.Density:
    """The Barenblatt density of mass 1 in the plane, m = 2."""
    return grid.density(lambda x, y: HEIGHT / radius**4 * np.maximum(radius**2 - (x - 0.5) ** 2 - (y - 0.5) ** 2, 0), order=6)


def square(n: int, dim: int = 2) -> jf.Grid:
    return jf.Grid.box(*[(0.0, 1.0)] * dim, cells=n)


def run(energy: jf.Law, state: jf.Density, tau: float, steps: int) -> list[tuple[float, jf.ProxResult]]:
    """Seconds and answer of every step, each from the one before."""
    SOLVER.solve(jf.ProximalStep(energy, jf.Species.of(state), 1e-3 * tau))  # compiled
    current, out = jf.Species.of(state), []
    for _ in range(steps):
        begin = time.perf_counter()
        answer = SOLVER.solve(jf.ProximalStep(energy, current, tau))
        out.append((time.perf_counter() - begin, answer))
        current = answer.state
    return out


def report(name: str, n: int, peer: float, results: list[tuple[float, jf.ProxResult]]) -> None:
    seconds = [s for s, _ in results]
    later = float(np.mean(seconds[1:]))
    worst = max(a.residual for _, a in results[1:])
    last = results[-1][1]
    print(
        f"{name:24s} {n:4d}^2  first {seconds[0]:6.2f} s ({results[0][1].status.name}, "
        f"{results[0][1].residual:.0e})  then {later:6.3f} s a step, worst residual {worst:.1e}, gap {last.gap:.1e}; "
        f"peer {peer:.2f} s: {peer / later:4.1f} times that"
    )


def diffusion() -> None:
    """m = 2, gamma = .05, V = sin sin, tau = .005, from the indicator of a disc (tolerance 1e-4)."""
    for n, peer in ((128, 0.46), (256, 1.27), (512, 4.94)):
        grid = square(n)
        energy = 0.05 * jf.RenyiEntropy(2) + jf.Potential(lambda x, y: 0.5 * np.sin(5 * np.pi * x) * np.sin(3 * np.pi * y))
        disc = grid.density(lambda x, y: 1.0 * ((x - 0.5) ** 2 + (y - 0.5) ** 2 < 0.09))
        report("slow diffusion", n, peer, run(energy, disc, 0.005, 6))


def crowd() -> None:
    """Congestion with an obstacle, tau = .01 (tolerance 1e-4)."""
    for n, peer, steps in ((256, 1.36, 5), (512, 5.13, 2)):
        post = jf.Obstacle(lambda x, y: (x - 0.15) ** 2 + (y - 0.5) ** 2 < 1e-3)
        energy = jf.Congestion(1.0) + jf.Potential(lambda x, y: 3 * x) + post
        people = square(n).density(lambda x, y: 0.9 * ((x - 0.4) ** 2 + (y - 0.5) ** 2 < 0.04), mass=None)
        report("congestion and obstacle", n, peer, run(energy, people, 0.01, steps))


def barenblatt() -> None:
    """Relative L1 errors against the JKO iterate (docs/theory/poisson-nernst-planck.md, T7) and the flow; ImplicitMidpoint."""
    print("JKO               steps   vs iterate   vs flow   seconds")
    for n, steps in ((32, 10), (64, 10), (128, 10), (256, 10), (256, 20), (256, 40)):
        grid, tau, radius = square(n), T_END / steps, 0.15
        begin = time.perf_counter()
        flow = jf.evolve(jf.RenyiEntropy(2), ball(grid, 0.15), scheme=jf.JKO(SOLVER), dt=tau, t_end=T_END)
        seconds = time.perf_counter() - begin
        for _ in range(steps):
            roots = np.roots([1, -radius, 0, 0, -tau * 8 / np.pi])
            radius = float(roots[(roots.imag == 0) & (roots.real > 0)].real[0])
        found, iterate, end = flow.final.values, ball(grid, radius).values, ball(grid, 0.3).values
        errors = [np.abs(found - exact).sum() / exact.sum() for exact in (iterate, end)]
        print(f"{n:4d}^2             {steps:5d}   {errors[0]:.2e}   {errors[1]:.2e}   {seconds:.2f}")
    print("ImplicitMidpoint  steps   vs flow   seconds")
    for n, steps in ((128, 4), (128, 8), (128, 16), (256, 6), (256, 8), (256, 16)):
        grid = square(n)
        begin = time.perf_counter()
        flow = jf.evolve(
            jf.RenyiEntropy(2), ball(grid, 0.15), scheme=jf.ImplicitMidpoint(SOLVER), dt=T_END / steps, t_end=T_END
        )
        seconds = time.perf_counter() - begin
        end = ball(grid, 0.3).values
        print(f"{n:4d}^2             {steps:5d}   {np.abs(flow.final.values - end).sum() / end.sum():.2e}   {seconds:.2f}")


def porous(n: int, dim: int, share: float = 1.0) -> jf.ProximalStep:
    """A porous-medium step of which the front moves by about two cells."""
    rho = square(n, dim).density(lambda *x: np.maximum(0.06 - sum((a - 0.5) ** 2 for a in x), 0))
    slope = 2 * float(np.abs(np.gradient(rho.values, rho.grid.spacing[0], axis=0)).max())
    return jf.ProximalStep(jf.RenyiEntropy(2), jf.Species.of(rho), share * 2 / n / slope)


def growth() -> None:
    """Seconds of one Newton step with its trial, and the exponent in the number of cells."""
    for dim, sizes in ((2, (64, 128, 256, 512, 1024)), (3, (32, 64, 128))):
        seconds = []
        for n in sizes:
            problem = GridStep.of(porous(n, dim))
            at = problem.trial(problem.start())
            begin = time.perf_counter()
            problem.trial(at.phi + newton_change(problem, at))
            seconds.append(time.perf_counter() - begin)
            print(f"{n:5d}^{dim}  {seconds[-1]:8.3f} s a Newton step")
        slope = np.polyfit(np.log(np.array(sizes, dtype=float) ** dim), np.log(seconds), 1)[0]
        print(f"exponent in the number of cells, dimension {dim}: {slope:.2f}")


def space() -> None:
    """Whole porous-medium steps in space, with peak memory (each in a process of its own)."""
    for n in (32, 64, 128):
        subprocess.run([sys.executable, __file__, "one-in-space", str(n)], check=True)


def one_in_space(n: int) -> None:
    step = porous(n, 3)
    SOLVER.solve(porous(16, 3))
    begin = time.perf_counter()
    answer = SOLVER.solve(step)
    seconds = time.perf_counter() - begin
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(
        f"{n:4d}^3  {seconds:7.1f} s a step, {answer.status.name} in {answer.iterations} on the finest grid, "
        f"residual {answer.residual:.1e}, "
        f"peak {memory:.2f} GiB",
        flush=True,
    )


def first_call() -> None:
    """Import and the first 128 x 128 step in a fresh process, with an empty and with a filled cache of compiled code."""
    code = (
        "import time; t = time.perf_counter(); import numpy as np, jkoflow as jf\n"
        "g = jf.Grid.box((0, 1), (0, 1), cells=128); r = g.density(lambda x, y: 1 + np.cos(np.pi * x) * y)\n"
        "a = jf.BackAndForth(tolerance=1e-4).solve(jf.ProximalStep(jf.RenyiEntropy(2), jf.Species.of(r), 1e-4))\n"
        "print(f'{time.perf_counter() - t:.2f} s, {a.status.name}')"
    )
    with tempfile.TemporaryDirectory() as cache:
        for name in ("uncached", "cached"):
            result = subprocess.run(
                [sys.executable, "-c", code],
                env={**os.environ, "NUMBA_CACHE_DIR": cache},
                capture_output=True,
                text=True,
                check=True,
            )
            print(f"first call, {name}: {result.stdout.strip()}")


def peer() -> None:
    """Barenblatt to 1 % and Ornstein-Uhlenbeck to 0.1 %, end to end in fresh processes, beside py-pde."""
    ours = {
        "Barenblatt": (
            "import numpy as np, jkoflow as jf, time\n"
            "T = (0.3**4 - 0.15**4) * np.pi / 32; g = jf.Grid.box((0, 1), (0, 1), cells=64)\n"
            "b = lambda r: g.density(lambda x, y: np.maximum(r*r - (x-.5)**2 - (y-.5)**2, 0), order=4)\n"
            "s = jf.ImplicitMidpoint(jf.BackAndForth(tolerance=1e-4))\n"
            "f = jf.evolve(jf.RenyiEntropy(2), b(.15), scheme=s, dt=T/5, t_end=T)\n"
            "e = b(.3).values; print(np.abs(f.final.values - e).sum() / e.sum())"
        ),
        "Ornstein-Uhlenbeck": (
            "import numpy as np, jkoflow as jf\n"
            "g = jf.Grid.box((-4, 4), (-4, 4), cells=56)\n"
            "n = lambda m, s: g.density(lambda x, y: np.exp(-((x - m)**2 + (y - m)**2) / (2 * s)), order=3)\n"
            "E = jf.Entropy() + jf.Potential(lambda x, y: (x * x + y * y) / 2)\n"
            "m, s = jf.closed_forms.OrnsteinUhlenbeck(1., .5).flow(.5)\n"
            "f = jf.evolve(E, n(1., .5), scheme=jf.ImplicitMidpoint(jf.BackAndForth(tolerance=1e-5)), dt=.5/6, t_end=.5)\n"
            "e = n(m, s).values; print(np.abs(f.final.values - e).sum() / e.sum())"
        ),
    }
    theirs = {
        "Barenblatt": (
            "import numpy as np, pde\n"
            "T = (0.3**4 - 0.15**4) * np.pi / 32; g = pde.CartesianGrid([[0, 1]] * 2, 64)\n"
            "x, y = g.cell_coords[..., 0], g.cell_coords[..., 1]\n"
            "b = lambda r: np.maximum(r*r - (x-.5)**2 - (y-.5)**2, 0) * 2 / np.pi / r**4\n"
            "p = pde.PDE({'c': 'laplace(c**2)'}, bc={'derivative': 0})\n"
            "f = p.solve(pde.ScalarField(g, b(.15)), t_range=T, dt=2e-7, tracker=None)\n"
            "e = b(.3); print(np.abs(f.data - e).sum() / e.sum())"
        ),
        "Ornstein-Uhlenbeck": (
            "import numpy as np, pde\n"
            "v, t = 1 + (.5 - 1) * np.exp(-1.), np.exp(-.5); g = pde.CartesianGrid([[-4, 4]] * 2, 192)\n"
            "x, y = g.cell_coords[..., 0], g.cell_coords[..., 1]\n"
            "n = lambda m, s: np.exp(-((x - m)**2 + (y - m)**2) / (2 * s)) / (2 * np.pi * s)\n"
            "p = pde.PDE({'c': 'laplace(c) + 2 * c + x * d_dx(c) + y * d_dy(c)'}, bc={'derivative': 0})\n"
            "f = p.solve(pde.ScalarField(g, n(1., .5)), t_range=.5, dt=2e-4, tracker=None)\n"
            "e = n(t, v); print(np.abs(f.data - e).sum() / e.sum())"
        ),
    }
    for name in ours:
        for who, code in (("jkoflow", ours[name]), ("py-pde", theirs[name])):
            begin = time.perf_counter()
            result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
            seconds = time.perf_counter() - begin
            said = f"error {float(result.stdout):.2e}" if result.returncode == 0 else result.stderr.strip().splitlines()[-1]
            print(f"{name:20s} {who:8s} {seconds:6.2f} s end to end, {said}", flush=True)


TABLES = {
    "space": space,  # first: a child's peak of memory is at least that of its parent
    "diffusion": diffusion,
    "crowd": crowd,
    "barenblatt": barenblatt,
    "growth": growth,
    "first-call": first_call,
    "peer": peer,
}

if __name__ == "__main__":
    if sys.argv[1:2] == ["one-in-space"]:
        one_in_space(int(sys.argv[2]))
    else:
        for name in sys.argv[1:] or TABLES:
            print(f"== {name}: {TABLES[name].__doc__}", flush=True)
            TABLES[name]()
