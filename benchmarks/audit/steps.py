"""An audit of the step solvers: random problems in random units, judged by oracles that share no code with the solvers.

    python benchmarks/audit/steps.py SOLVER COUNT [SEED]        one row of the table, and a line for each failure
    python benchmarks/audit/steps.py SOLVER --only INDEX [SEED] one problem alone

SOLVER is a name of ``SOLVERS``. Problem k of a seed comes from ``np.random.default_rng([seed, k])``.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

for threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ.setdefault(threads, "1")
sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[2]))

import conic  # noqa: E402
import grids  # noqa: E402
import line  # noqa: E402
import points  # noqa: E402
from common import Table, tried  # noqa: E402

SOLVERS = {"QuantileNewton": line.make_case, **grids.SOLVERS, **conic.SOLVERS, **points.SOLVERS}


def main() -> None:
    name, arguments = sys.argv[1], sys.argv[2:]
    only = "--only" in arguments
    numbers = [int(argument) for argument in arguments if argument != "--only"]
    count, seed = numbers[0], numbers[1] if len(numbers) > 1 else 0
    table = Table()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(table.row(name)))
    for index in [count] if only else range(count):
        verdict = tried(SOLVERS[name], seed, index)
        table.add(verdict)
        if only or verdict.kind != "CONVERGED":
            print(f"{verdict.kind:15} {name} --only {index} {seed}: {verdict.text} | {verdict.words}", flush=True)
    print(table.row(name), f" {table.seconds:.0f} s")


if __name__ == "__main__":
    main()
