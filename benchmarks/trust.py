"""Whether answers can be trusted: random steps against oracles, natural runs under JKO(), orders and costs of FiniteVolume.

    python benchmarks/trust.py             all tables, about an hour on one core
    python benchmarks/trust.py --quick     a hundredth of the random steps, natural runs on 32 x 32 cells

The parts stand in ``benchmarks/audit``: ``steps.py`` (random steps), ``natural.py`` (natural runs), ``volumes.py``.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

AUDIT = Path(__file__).parent / "audit"
STEPS = {
    "QuantileNewton": 10_000,
    "OrderedResolvent": 10_000,
    "ParticleProximal": 10_000,
    "RadialNewton": 10_000,
    "FiniteVolume1": 10_000,
    "Default1": 10_000,
    "Default2": 1000,
    "Default3": 1000,
    "FiniteVolume2": 1000,
    "FiniteVolume3": 1000,
    "BackAndForth1": 1000,
    "BackAndForth2": 1000,
    "Entropic1": 1000,
    "Convex1": 1000,
    "Convex2": 1000,
    "ConvexDynamic1": 1000,
    "ConvexDynamic2": 1000,
}
"""The random problems by solver; the number behind a name is the dimension of the grid."""
SEED = 7  # none that a solver was mended on


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a hundredth of the random steps, natural runs on 32 x 32 cells")
    quick = parser.parse_args().quick
    print("random steps: solver, problems, and what came of them\n", flush=True)
    for solver, count in STEPS.items():
        print(_output("steps.py", solver, str(count // 100 if quick else count), str(SEED)).splitlines()[-1], flush=True)
    print("\nnatural runs under JKO()\n", flush=True)
    print(_output("natural.py", "--cells", *(("32",) if quick else ("32", "64"))), flush=True)
    if not quick:
        print("\nFiniteVolume\n", flush=True)
        print(_output("volumes.py"), flush=True)


def _output(script: str, *arguments: str) -> str:
    """What a part prints, in a process of its own with one thread."""
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")
    command = [sys.executable, str(AUDIT / script), *arguments]
    return subprocess.run(command, env={**os.environ, **threads}, capture_output=True, text=True, check=False).stdout.strip()


if __name__ == "__main__":
    main()
