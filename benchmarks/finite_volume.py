"""FiniteVolume: seconds a step against the exact solver, and natural problems that JKO() solves with it and without it."""

import time

import numpy as np

import jkoflow as jf


def seconds(solver, law, rho, dt, steps=3):
    """Seconds of a step, the first left out; the status."""
    flow = jf.evolve(law, rho, scheme=jf.JKO(solver), dt=dt, t_end=dt, on_failure="return", progress=False)
    if not flow.ok:
        return np.nan
    start = time.perf_counter()
    flow = jf.evolve(law, flow.final, scheme=jf.JKO(solver), dt=dt, t_end=steps * dt, on_failure="return", progress=False)
    return (time.perf_counter() - start) / steps if flow.ok else np.nan


def costs():
    """A table of seconds a step in the plane, and its exponent in the number of cells."""
    print("seconds a step, dt = 0.02, from a Gaussian; NaN where a step is not solved")
    laws = {
        "Fokker-Planck": jf.Entropy() + jf.Potential(lambda x, y: (x**2 + y**2) / 2),
        "porous medium, m = 2": jf.RenyiEntropy(2),
    }
    for name, law in laws.items():
        times = []
        for n in (64, 128, 256):
            rho = jf.Grid.box((-3, 3), (-3, 3), cells=n).density(lambda x, y: np.exp(-2 * ((x - 0.5) ** 2 + y**2)))
            row = [seconds(solver, law, rho, 0.02) for solver in (jf.FiniteVolume(), jf.BackAndForth())]
            times.append(row[0])
            print(f"{name:24} {n:4}^2   FiniteVolume {row[0]:7.3f}   BackAndForth {row[1]:7.3f}")
        print(f"{name:24} exponent of FiniteVolume {np.log(times[2] / times[1]) / np.log(4):.2f}")


def families(n):
    """Natural problems on n x n cells: name, law, start."""
    plane = jf.Grid.box((-3, 3), (-3, 3), cells=n)
    disc = plane.density(lambda x, y: (x**2 + y**2 < 1) * 1.0)
    bump = plane.density(lambda x, y: np.exp(-((x - 1.5) ** 2 + (y - 1) ** 2) / 0.18))
    left = plane.density(lambda x, y: (x < -0.6) * 1.0, mass=8.0)
    for m in (2, 3, 6, 10):
        yield f"porous medium m = {m}", jf.RenyiEntropy(m), disc
    for D in (1.0, 0.1, 0.01):
        for k in (1, 10, 100):
            well = jf.Potential(lambda x, y, k=k: k * (x**2 + 10 * y**2) / 2)
            yield f"well {k}, diffusion {D:g}", D * jf.Entropy() + well, bump
    yield "heat from a disc", jf.Entropy(), disc
    yield "fast diffusion", jf.RenyiEntropy(0.7), disc
    for D in (0.1, 0.01, 0.001):
        yield f"double well, D = {D:g}", D * jf.Entropy() + jf.Potential(lambda x, y: (x**2 - 1) ** 2 + y**2), bump
    door = jf.Obstacle(lambda x, y: (abs(x) < 0.3) & (abs(y) > 0.5)) + jf.Potential(lambda x, y: np.hypot(x - 2.5, y))
    yield "crowd and door", jf.Congestion(1.0) + door, left
    yield "crowd under Morse", jf.Congestion(1.0) + jf.Interaction(jf.Morse(2.0, 1.0)), left
    for name, kernel in (("x^2", jf.Quadratic()), ("|x|", jf.PowerLaw(1)), ("log", jf.PowerLaw(0))):
        yield f"attraction {name}, weak rho^2", 0.05 * jf.RenyiEntropy(2) + jf.Interaction(kernel), disc


def natural():
    """How many short runs are not solved, by JKO() without a fallback and with it."""
    for n in (32, 64):
        left, unsolved, total, start = [], [0, 0], 0, time.perf_counter()
        for name, law, rho in families(n):
            for dt in (1e-3, 1e-2, 0.1, 1.0):
                total += 1
                for k, scheme in enumerate((jf.JKO(jf.BackAndForth()), jf.JKO())):
                    try:
                        flow = jf.evolve(law, rho, scheme=scheme, dt=dt, t_end=2 * dt, on_failure="return", progress=False)
                        rises = np.diff(flow.energies).max(initial=0.0) > 1e-9 * np.abs(flow.energies).max()
                        solved = flow.ok and not rises
                    except ValueError:
                        solved = False
                    unsolved[k] += not solved
                    if k and not solved:
                        left.append(f"{name}, dt = {dt:g}")
        spent = time.perf_counter() - start
        print(f"{n} x {n}: of {total} runs not solved by BackAndForth() {unsolved[0]}, by JKO() {unsolved[1]}; {spent:.0f} s")
        print(*left, sep="\n")


if __name__ == "__main__":
    costs()
    natural()
