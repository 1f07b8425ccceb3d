"""The history of speed: tasks of this version over a fixed kernel of numpy, beside the last row of history.csv.

    python benchmarks/history.py            compare with the last row, and say what became slower
    python benchmarks/history.py --record   add a row: for a release, and for every change that moved it

A ratio is the processor's time of a task over that of the kernel, each the least of several, taken in turn in one process. It
is nearly the same on machines of one kind; a ratio more than a fifth above the last row is called slower.
"""

from __future__ import annotations

import csv
import datetime
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import jkoflow as jf

FILE = Path(__file__).with_name("history.csv")
REPEATS, SLOWER = 5, 1.2


def kernel() -> None:
    """What a ratio counts in: passes over memory, transcendental functions and a sort."""
    x = np.linspace(0, 1, 1_000_000)
    for _ in range(3):
        np.sort(np.sin(17 * x) + np.exp(-x))


def _step(law: jf.Law, state: Any, solver: jf.StepSolver, tau: float) -> Callable[[], object]:
    step = jf.ProximalStep(law, jf.Species.of(state), tau=tau)
    return lambda: solver.solve(step)


def tasks() -> dict[str, Callable[[], object]]:
    plane = jf.Grid.box((-3, 3), (-3, 3), cells=128)
    bump = plane.density(lambda x, y: np.exp(-(x**2) - y**2))
    well = jf.Potential(lambda x, y: (x**2 + y**2) / 2)
    nodes = jf.Quantiles(np.linspace(-1, 1, 10_001))
    line = jf.Potential(lambda x: x**2 / 2)
    ions = {"u": bump, "v": plane.density(lambda x, y: np.exp(-((x - 1) ** 2) - y**2))}
    coupled = jf.Entropy("u") + jf.Entropy("v") + jf.DirichletCoupling(u=1, v=-1, permittivity=0.5)
    charged = jf.ProximalStep(coupled, jf.Species(ions), tau=0.05)
    cloud = jf.Particles(np.random.default_rng(0).normal(size=(4000, 2)))
    return {
        "BackAndForth, Fokker-Planck, 128^2": _step(jf.Entropy() + well, bump, jf.BackAndForth(), 0.05),
        "BackAndForth, porous medium, 128^2": _step(jf.RenyiEntropy(2) + well, bump, jf.BackAndForth(), 0.05),
        "BackAndForth, ions, 128^2": lambda: jf.BackAndForth().solve(charged),
        "FiniteVolume, Fokker-Planck, 128^2": _step(jf.Entropy() + well, bump, jf.FiniteVolume(), 0.05),
        "FiniteVolume, porous medium, 128^2": _step(jf.RenyiEntropy(2) + well, bump, jf.FiniteVolume(), 0.05),
        "QuantileNewton, m = 2, 10^4": _step(jf.RenyiEntropy(2) + line, nodes, jf.QuantileNewton(), 0.05),
        "QuantileNewton, abs(x), 10^4": _step(jf.Interaction(jf.PowerLaw(1)) + line, nodes, jf.QuantileNewton(), 0.05),
        "pairs, Gaussian, 4000 in the plane": lambda: cloud.convolve(jf.Gaussian()),
        "wasserstein, line, 10^4": lambda: jf.wasserstein(nodes, jf.Quantiles(np.linspace(-1, 1, 9_001) ** 3)),
    }


def _seconds(call: Callable[[], object]) -> float:
    began = time.process_time()
    call()
    return time.process_time() - began


def ratios() -> dict[str, float]:
    found = {}
    for name, task in tasks().items():
        task()  # compiles
        pairs = [(_seconds(task), _seconds(kernel)) for _ in range(REPEATS)]
        found[name] = min(ours for ours, _ in pairs) / min(numpy for _, numpy in pairs)
    return found


def _last() -> dict[str, tuple[float, str]]:
    """By task, the ratio of its last row, and the commit of it."""
    if not FILE.exists():
        return {}
    with FILE.open(newline="") as file:
        return {row["benchmark"]: (float(row["ratio"]), row["commit"]) for row in csv.DictReader(file)}


def main() -> None:
    before, now = _last(), ratios()
    commit = subprocess.run(
        ["git", "describe", "--always", "--dirty"], capture_output=True, text=True, check=False
    ).stdout.strip()
    for name, ratio in now.items():
        old, of = before.get(name, (np.nan, "-"))
        verdict = "SLOWER" if ratio > SLOWER * old else "faster" if ratio < old / SLOWER else ""
        print(f"{name:38} {ratio:8.3f}   {old:8.3f} at {of:18} {verdict}")
    if "--record" in sys.argv:
        is_new = not FILE.exists()
        with FILE.open("a", newline="") as file:
            table = csv.writer(file)
            if is_new:
                table.writerow(["date", "version", "commit", "benchmark", "ratio"])
            for name, ratio in now.items():
                table.writerow([datetime.date.today(), jf.__version__, commit, name, f"{ratio:.4f}"])


if __name__ == "__main__":
    main()
