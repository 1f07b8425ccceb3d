"""The answer of every row of tests/tables.py, to be kept from one version of the code and compared with another.

    python tools/answers.py save FILE       from the root of the repository, in the environment of either version
    python tools/answers.py compare FILE OTHER

``compare`` prints the largest difference of every table, relative to the size of the answer, and fails above 1e-12.
"""

from __future__ import annotations

import runpy
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path.cwd()
LIMIT = 1e-12


def answers() -> dict[str, Any]:
    """By table and row, an array."""
    sys.path.insert(0, str(ROOT))
    import matplotlib as mpl

    mpl.use("agg")
    import jkoflow as jf
    from tests import tables

    out: dict[str, Any] = {}
    warnings.simplefilter("ignore")
    for name, (energy, _) in tables.ENERGIES.items():
        for kind, measure in tables.MEASURES.items():
            try:
                out[f"ENERGIES/{name}/{kind}"] = np.append(energy.first_variation(measure).ravel(), energy(measure))
            except ValueError as reason:
                print(f"ENERGIES/{name}/{kind}: {reason}")
    rng = np.random.default_rng(0)
    for name, kernel in tables.KERNELS.items():
        x = rng.normal(size=50)
        out[f"KERNELS/{name}"] = np.concatenate([kernel(x), kernel.gradient(x), kernel(x, x[::-1]), [kernel.convexity]])
    for name, solver in tables.SOLVERS.items():
        for title, step in tables.STEPS.items():
            out[f"STEPS/{title}/{name}"] = solved(solver, step)
    for title, step in tables.LINE_STEPS.items():
        out[f"LINE_STEPS/{title}"] = solved(jf.QuantileNewton(), step)
    law = jf.Entropy() + jf.Potential(lambda x: x**2 / 2)
    start = jf.Grid.box((-3.0, 3.0), cells=96).density(lambda x: np.exp(-2 * (x - 0.8) ** 2))
    for table, measure in (("SCHEMES", start), ("LINE_SCHEMES", start.quantiles(80))):
        for name, scheme in getattr(tables, table).items():
            flow = jf.evolve(law, measure, scheme=scheme, dt=0.05, t_end=0.25, on_failure="return")
            out[f"{table}/{name}"] = np.concatenate([flow.final.points.ravel(), flow.final.values.ravel(), flow.energies])
    for name in tables.EXAMPLES:
        out[f"EXAMPLES/{name}"] = np.array([runpy.run_path(str(ROOT / "examples" / f"{name}.py"))["RESULT"]])
    return out


def solved(solver: Any, step: Any) -> Any:
    """States, distances and potentials of an answer in a row."""
    answer = solver.solve(step)
    parts = [np.append(answer.state[name].values, answer.state[name].points) for name in answer.state]
    return np.concatenate([*parts, list(answer.distances.values())])


def compare(first: str, second: str) -> int:
    """Print the largest differences; how many rows differ by more than the limit, or are missing."""
    one, other = np.load(first), np.load(second)
    worst: dict[str, tuple[float, str]] = {}
    for key in one.files:
        if key not in other.files or one[key].shape != other[key].shape:
            away = np.inf
        else:
            a, b = one[key], other[key]
            same = (a == b) | (np.isnan(a) & np.isnan(b))
            gap = np.where(same, 0.0, np.abs(np.where(same, 0.0, a) - np.where(same, 0.0, b)))
            away = float(gap.max() / max(float(np.abs(a[np.isfinite(a)]).max(initial=0.0)), 1e-300))
        if away > LIMIT:
            print(f"differs by {away:.2g}: {key}")
        table = key.split("/")[0]
        worst[table] = max(worst.get(table, (0.0, "")), (away, key))
    for table, (away, key) in worst.items():
        rows = sum(k.startswith(table + "/") for k in one.files)
        print(f"{table:12s} {rows:4d} rows, largest relative difference {away:.2g} {key if away else ''}")
    return sum(away > LIMIT for away, _ in worst.values())


if __name__ == "__main__":
    if sys.argv[1] == "save":
        np.savez(sys.argv[2], **answers())
    else:
        sys.exit(min(compare(sys.argv[2], sys.argv[3]), 1))
