"""Steps of the conic solvers: their answers against a conic program of its own, evaluated by the network simplex."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import cvxpy as cp
import numpy as np
import ot
from common import LONG, Case
from grids import (
    GridProblem,
    electric,
    energy_of,
    grid_units,
    grid_words,
    judge_exact,
    plain_checks,
    random_grid_problem,
    rounded_step,
    table_of,
)

import jkoflow as jf

ALLOWED = {"nothing": True, "fast": True, "pairs": True, "bound": True}


def cell_costs(problem: GridProblem) -> np.ndarray:
    """Squared distances of the cell centres."""
    x = np.stack(problem.centres, axis=-1)
    return ((x[:, None] - x) ** 2).sum(-1)


def objective_of_cells(problem: GridProblem, rhos: list) -> tuple:
    """J with W2 between cell centres by the network simplex, and the distance part of it."""
    cost, far = cell_costs(problem), 0.0
    for fluid, rho in zip(problem.fluids, rhos, strict=True):
        a, b = (np.asarray(z / z.sum(), dtype=float) for z in (fluid.mu, rho))
        mass = float(fluid.mu.sum()) * problem.volume
        far += ot.emd2(a / a.sum(), b / b.sum(), cost, numItermax=10**6) * mass / (2 * problem.tau * fluid.mobility)
    return far + float(energy_of(problem, rhos)[0]), far


def reference(problem: GridProblem, scale: float) -> list | None:
    """The densities that minimise J over plans between cell centres, by cvxpy, in shares of the mass."""
    cost, n, v = cell_costs(problem), int(np.prod(problem.shape)), problem.volume
    total, constraints, shares, charge = 0.0, [], [], 0.0
    for fluid in problem.fluids:
        mu = np.asarray(fluid.mu, dtype=float)
        mass = mu.sum() * v
        rows = np.flatnonzero(mu > 0)
        plan = cp.Variable((len(rows), n), nonneg=True)
        share = cp.sum(plan, axis=0)
        constraints.append(cp.sum(plan, axis=1) == (mu / mu.sum())[rows])
        density = share * (mass / v)
        total += cp.sum(cp.multiply(cost[rows], plan)) * (mass / (2 * problem.tau * fluid.mobility) / scale)
        for c, p in fluid.powers:
            if p == 1:
                total += cp.sum(-cp.entr(share)) * (c * mass / scale)
            else:
                total += cp.sum(cp.power(n * share, p)) / n * (c * (mass / v / n) ** p * v * n / (p - 1) / scale)
        for _, V in fluid.potentials:
            total += (np.asarray(V(*problem.centres), dtype=float) * mass / scale) @ share
        for c, kind, length in fluid.kernels:
            total += _quadratic(c * mass**2 / scale * table_of(problem, kind, length), share)
        if fluid.bound < np.inf:
            constraints.append(density <= fluid.bound)
        charge = charge + fluid.charge * density
        shares.append((share, mass))
    if problem.permittivity is not None:
        fields = np.stack([electric(problem, e) for e in np.eye(n)])
        total += _quadratic(fields * v / scale, charge)
    program = cp.Problem(cp.Minimize(total), constraints)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            program.solve(solver=cp.CLARABEL)
    except (cp.SolverError, ValueError):
        return None
    if program.status not in ("optimal", "optimal_inaccurate") or shares[0][0].value is None:
        return None
    found = []
    for (share, mass), fluid in zip(shares, problem.fluids, strict=True):
        rho = np.maximum(share.value, 0)
        found.append(np.minimum(rho / rho.sum() * mass / v, fluid.bound))
    return found


def _quadratic(matrix: np.ndarray, share: Any) -> Any:
    """1/2 share . matrix . share for a matrix that is positive on shares of sum 0."""
    n = len(matrix)
    centre = np.eye(n) - 1 / n
    matrix = np.asarray(matrix, dtype=float)
    inner = centre @ ((matrix + matrix.T) / 2) @ centre
    values, vectors = np.linalg.eigh((inner + inner.T) / 2)
    root = np.sqrt(np.maximum(values, 0))[:, None] * vectors.T
    mean = matrix.mean(axis=0)
    # with s = s0 + sum(s)/n: s M s = s0 M s0 + 2 sum(s) mean . s - (sum(s))^2 mean(M), and sum(s) is fixed
    return cp.sum_squares(root @ share) / 2 + _fixed_sum(share) * (mean @ share)


def _fixed_sum(share: Any) -> float:
    """The sum of the shares of a species is 1; that of charges is 0."""
    return 1.0 if share.sign == "NONNEGATIVE" else 0.0


def judge_plans(problem: GridProblem, rhos: list) -> list[str]:
    """What is wrong with an answer of Convex."""
    rhos = [np.asarray(rho, dtype=float) for rho in rhos]
    complaints = [text for text in plain_checks(problem, rhos) if "mass" in text or "density" in text or "1e-0" not in text]
    anchors = [np.asarray(f.mu, dtype=float) for f in problem.fluids]
    J, far = objective_of_cells(problem, rhos)
    start, _ = objective_of_cells(problem, anchors)
    parts, before = energy_of(problem, rhos)[1], energy_of(problem, anchors)[1]
    scale = far + sum(abs(a - b) for a, b in zip(parts, before, strict=True))
    across = (
        sum(f.mu.sum() * problem.volume / f.mobility for f in problem.fluids) * max(problem.spacing) ** 2 / (2 * problem.tau)
    )
    floor = 1e-6 * sum(abs(p) for p in parts) + 1e-2 * across  # the tolerance of Clarabel is a share of such a cost
    admissible = all((f.mu <= f.bound).all() for f in problem.fluids)
    if admissible and start + 1e-3 * scale + 1e-3 * floor < J:
        complaints.append(f"J rises by {float((J - start) / max(scale, floor)):.2g}")
    if (found := reference(problem, max(scale, floor))) is None:
        return complaints
    best, _ = objective_of_cells(problem, found)
    if best < J - 1e-3 * scale - 1e-3 * floor:
        moved = max(float(np.abs(a - b).sum() / b.sum()) for a, b in zip(found, rhos, strict=True))
        complaints.append(
            f"another program is lower by {float((J - best) / max(scale, floor)):.2g}, {moved:.2g} of the mass elsewhere"
        )
    return complaints


def make_case(solver: Any, dim: int) -> Callable[[np.random.Generator], Case]:
    """The random problems of a conic solver."""

    def make(rng: np.random.Generator) -> Case:
        problem = random_grid_problem(rng, dim, ALLOWED)
        most = {1: 24, 2: 6, 3: 3}[dim]
        if max(problem.shape) > most:
            old = problem.shape
            problem.shape = tuple(min(n, int(rng.integers(max(most // 2, 2), most + 1))) for n in old)
            for fluid in problem.fluids:
                values = fluid.mu.reshape(old)
                for axis, n in enumerate(problem.shape):
                    pick = (np.arange(n) * old[axis]) // n
                    values = np.take(values, pick, axis=axis)
                values = np.maximum(values, 1e-12 * values.max() if values.max() > 0 else 1.0)
                fluid.mu = values.ravel() / values.sum() / problem.volume
                if fluid.bound < np.inf:
                    fluid.bound = max(fluid.bound, 1.1 * float(fluid.mu.mean()))
        for fluid in problem.fluids:
            fluid.kernels = [(-c, kind, length) for c, kind, length in fluid.kernels]  # repulsion is what is convex
        problem.units = units = grid_units(rng, problem)
        seed, density = int(rng.integers(2**31)), units.mass / units.length**dim

        def judge(result: Any) -> list[str]:
            rhos = [result.state[f.name].values.ravel().astype(LONG) / LONG(density) for f in problem.fluids]
            if isinstance(solver, jf.Convex):
                return judge_plans(problem, rhos)
            unit = units.length * units.mass**0.5
            told = [result.distances[f.name] / unit for f in problem.fluids]
            complaints = judge_exact(problem, rhos, told, np.random.default_rng(seed))
            return ["? " + text if "distance" in text else text for text in complaints]  # of order dx^2, on few cells

        return Case(lambda: rounded_step(problem, density), solver, judge, grid_words(problem))

    return make


SOLVERS = {
    f"{type(solver).__name__}{dim}": make_case(solver, dim) for solver in (jf.Convex(), jf.ConvexDynamic()) for dim in (1, 2)
}
