"""The cases of speed.py that run in a process of their own, and what a user would write instead with numpy and scipy."""

from __future__ import annotations

import sys

import numpy as np

T, SPREAD, MEAN = 0.5, 0.25, np.array([1.0, 0.5])
BOX = 5.0


def exact(*x: np.ndarray) -> np.ndarray:
    """The density of Ornstein and Uhlenbeck at the time T, from a Gaussian."""
    variance = SPREAD * np.exp(-2 * T) + 1 - np.exp(-2 * T)
    square = sum((c - m * np.exp(-T)) ** 2 for c, m in zip(x, MEAN, strict=False))
    return np.exp(-square / (2 * variance)) / (2 * np.pi * variance) ** (len(x) / 2)


def start(*x: np.ndarray) -> np.ndarray:
    square = sum((c - m) ** 2 for c, m in zip(x, MEAN, strict=False))
    return np.exp(-square / (2 * SPREAD)) / (2 * np.pi * SPREAD) ** (len(x) / 2)


def ours(dim: int, cells: int, scheme: str, dt: float) -> float:
    import jkoflow as jf

    grid = jf.Grid.box(*[(-BOX, BOX)] * dim, cells=cells)
    law = jf.Entropy() + jf.Potential(lambda *x: sum(c**2 for c in x) / 2)
    chosen = {"midpoint": jf.ImplicitMidpoint(), "FiniteVolume": jf.JKO(jf.FiniteVolume())}.get(scheme, jf.BDF2())
    rho = grid.density(start)
    if scheme == "quantiles":
        rho = rho.quantiles(400, walls=False)
    final = jf.evolve(law, rho, scheme=chosen, dt=dt, t_end=T, progress=False).final
    if scheme == "quantiles":
        middles, values = (final.nodes[1:] + final.nodes[:-1]) / 2, final.masses / np.diff(final.nodes)
        return float(np.abs(values - exact(middles)) @ np.diff(final.nodes))
    return float(np.abs(final.values - exact(*grid.mesh)).sum() * grid.cell_volume)


def scipy_finite_volumes(dim: int, cells: int, steps: int) -> float:
    """Scharfetter and Gummel's flux and Crank and Nicolson's steps: one sparse factorisation."""
    from scipy.sparse import diags_array, eye_array, kron
    from scipy.sparse.linalg import splu

    h = 2 * BOX / cells
    x = -BOX + h * (np.arange(cells) + 0.5)
    rise = np.diff(x**2 / 2)
    rise[np.abs(rise) < 1e-9] = 1e-9
    up, down = rise / np.expm1(rise) / h**2, -rise / np.expm1(-rise) / h**2
    diagonal = np.zeros(cells)
    diagonal[:-1] -= up
    diagonal[1:] -= down
    line = diags_array([up, diagonal, down], offsets=[-1, 0, 1])
    one = eye_array(cells)
    whole = line if dim == 1 else kron(line, one) + kron(one, line)
    dt, unit = T / steps, eye_array(cells**dim)
    mesh = [x] if dim == 1 else np.meshgrid(x, x, indexing="ij")
    rho = start(*mesh).ravel()
    solve = splu((unit - dt / 2 * whole).tocsc()).solve
    for _ in range(steps):
        rho = solve(rho + dt / 2 * (whole @ rho))
    return float(np.abs(rho - exact(*mesh).ravel()).sum() * h**dim)


def barenblatt(t: float, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The solution of d_t rho = Laplace rho^2 in the plane, of mass pi / 2."""
    return np.maximum(0.25 - (x**2 + y**2) / (16 * t**0.5), 0.0) / t**0.5


def barenblatt_error(cells: int, steps: int, scheme: str) -> float:
    h = 6.0 / cells
    x = -3 + h * (np.arange(cells) + 0.5)
    mesh = np.meshgrid(x, x, indexing="ij")
    rho, dt = barenblatt(0.25, *mesh), 0.75 / steps
    if scheme == "explicit":
        for _ in range(steps):
            square = np.pad(rho**2, 1, mode="edge")
            rho = rho + dt / h**2 * (
                square[2:, 1:-1] + square[:-2, 1:-1] + square[1:-1, 2:] + square[1:-1, :-2] - 4 * square[1:-1, 1:-1]
            )
    else:
        import jkoflow as jf

        grid = jf.Grid.box((-3, 3), (-3, 3), cells=cells)
        chosen = jf.ImplicitMidpoint() if scheme == "midpoint" else jf.BDF2()
        flow = jf.evolve(jf.RenyiEntropy(2), jf.Density(grid, rho), scheme=chosen, dt=dt, t_end=0.75, progress=False)
        rho = flow.final.values
    end = barenblatt(1.0, *mesh)
    return float(np.abs(rho - end).sum() / end.sum())


def newton_on_quantiles(nodes: np.ndarray, masses: np.ndarray, tau: float, m: int) -> np.ndarray:
    """A JKO step in V = x^2/2 with the entropy (m = 1) or s^2, by Newton's method with scipy's banded solver."""
    from scipy.linalg import solveh_banded

    w, x = masses, nodes.copy()

    def value(x: np.ndarray) -> float:
        d, h = x - nodes, np.diff(x)
        if h.min() <= 0:
            return np.inf
        square = lambda v: w @ (v[:-1] ** 2 + v[:-1] * v[1:] + v[1:] ** 2) / 3  # noqa: E731
        return square(d) / (2 * tau) + square(x) / 2 + (w @ np.log(w / h) if m == 1 else w @ (w / h))

    for _ in range(50):
        d, h = x - nodes, np.diff(x)
        slope, bend = (-w / h, w / h**2) if m == 1 else (-((w / h) ** 2), 2 * w**2 / h**3)
        pull = d / tau + x
        gradient = np.zeros_like(x)
        gradient[:-1] += w * (2 * pull[:-1] + pull[1:]) / 6 - slope
        gradient[1:] += w * (pull[:-1] + 2 * pull[1:]) / 6 + slope
        banded = np.zeros((2, len(x)))
        mass = (1 / tau + 1) * w
        banded[1, :-1] += mass / 3 + bend
        banded[1, 1:] += mass / 3 + bend
        banded[0, 1:] = mass / 6 - bend
        p, share, before = solveh_banded(banded, -gradient), 1.0, value(x)
        while not value(x + share * p) <= before + 1e-12 * abs(before):
            share /= 2
        x = x + share * p
        if np.abs(p).max() < 1e-9:
            break
    return x


CASES = {
    "2-D midpoint": lambda: ours(2, 96, "midpoint", 0.05),
    "2-D BDF2": lambda: ours(2, 128, "BDF2", 0.025),
    "2-D FiniteVolume": lambda: ours(2, 96, "FiniteVolume", 0.0125),
    "2-D scipy": lambda: scipy_finite_volumes(2, 128, 16),
    "1-D midpoint": lambda: ours(1, 256, "midpoint", 0.05),
    "1-D BDF2": lambda: ours(1, 256, "BDF2", 0.025),
    "1-D quantiles": lambda: ours(1, 400, "quantiles", 0.025),
    "1-D scipy": lambda: scipy_finite_volumes(1, 256, 16),
    "Barenblatt midpoint": lambda: barenblatt_error(64, 5, "midpoint"),
    "Barenblatt BDF2": lambda: barenblatt_error(64, 8, "BDF2"),
    "Barenblatt explicit": lambda: barenblatt_error(64, 200, "explicit"),
}

if __name__ == "__main__":
    print(f"{CASES[sys.argv[1]]():.1e}")
