"""This version against another in one run: steps on grids and quantiles, and sums over pairs, in pairs of processes.

    python benchmarks/versions.py OTHER_CHECKOUT [PYTHON_OF_THE_OTHER]

Every case runs in a process of its own, one version after the other, several times. The time is that of the processor, all
threads, for the calls after a first one, which compiles. Printed are the medians of both, and the median ratio of the pairs.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from statistics import median

PAIRS = 7
SETTING = "import time, numpy as np, jkoflow as jf\n"
CASES = {
    "porous medium, 256 x 256, a step": """
grid = jf.Grid.box((-3, 3), (-3, 3), cells=256)
rho = jf.Species.of(grid.density(lambda x, y: np.exp(-(x**2) - y**2)))
step = jf.ProximalStep(jf.RenyiEntropy(2) + jf.Potential(lambda x, y: (x**2 + y**2) / 2), rho, tau=0.05)
call, calls = lambda: jf.BackAndForth().solve(step), 3
""",
    "two ions, 128 x 128, a step": """
grid = jf.Grid.box((0, 1), (0, 1), cells=128)
u = grid.density(lambda x, y: 1 + 0.5 * np.cos(np.pi * x))
v = grid.density(lambda x, y: 1 + 0.5 * np.cos(np.pi * y))
law = jf.Entropy("u") + jf.Entropy("v") + jf.DirichletCoupling(u=1, v=-1, permittivity=0.02)
step = jf.ProximalStep(law, jf.Species(u=u, v=v), tau=0.01)
call, calls = lambda: jf.BackAndForth().solve(step), 3
""",
    "quantiles, 10^5 cells, a step": """
rho = jf.Species.of(jf.Quantiles(np.linspace(-1, 1, 100_001)))
law = jf.RenyiEntropy(2) + jf.Potential(lambda x: x**2 / 2) + jf.Interaction(jf.Morse())
step = jf.ProximalStep(law, rho, tau=0.05)
call, calls = lambda: jf.QuantileNewton().solve(step), 3
""",
    "sums over pairs, 8000 in the plane": """
cloud = jf.Particles(np.random.default_rng(0).normal(size=(8000, 2)))
call, calls = lambda: cloud.convolve(jf.Morse()), 3
""",
    "one small step, 32 cells on the line": """
rho = jf.Species.of(jf.Grid.box((-2, 2), cells=32).density(lambda x: 1 + x / 4))
step = jf.ProximalStep(jf.Entropy() + jf.Potential(lambda x: x**2 / 2), rho, tau=0.05)
call, calls = lambda: jf.BackAndForth().solve(step), 50
""",
}
TIMED = """
call()
began = time.process_time()
for _ in range(calls):
    call()
print((time.process_time() - began) / calls)
"""


def seconds(python: str, folder: Path, case: str) -> float:
    """Of the processor, for one call, in a process that imports jkoflow from a folder."""
    said = subprocess.run([python, "-c", SETTING + case + TIMED], cwd=folder, capture_output=True, text=True, check=True)
    return float(said.stdout)


def main() -> None:
    here, other = Path(__file__).parents[1], Path(sys.argv[1]).resolve()
    python = sys.argv[2] if len(sys.argv) > 2 else sys.executable
    print(f"{'case':38s} {'this':>9s} {'other':>9s}  ratio")
    for name, case in CASES.items():
        pairs = [(seconds(sys.executable, here, case), seconds(python, other, case)) for _ in range(PAIRS)]
        a, b = zip(*pairs, strict=True)
        print(f"{name:38s} {median(a):8.4f}s {median(b):8.4f}s  {median(x / y for x, y in pairs):.3f}", flush=True)


if __name__ == "__main__":
    main()
