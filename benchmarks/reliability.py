"""What a run survives: kills, full disks, damage; what keeping it costs; a busy machine.

    python benchmarks/reliability.py            the crash table and the costs, some minutes
    python benchmarks/reliability.py costs      the costs alone
    python benchmarks/reliability.py long       also memory along 10^6 cheap steps and 10^4 steps at 64 x 64
    python benchmarks/reliability.py command    the command line with files and options that cannot be used
    python benchmarks/reliability.py stores     what kills do to other kinds of files: HDF5, numpy archives

Aims: no step that was written is lost, and nothing is read that was not written.
"""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

import jkoflow as jf

RUN = """
import sys, numpy as np, jkoflow as jf
path = sys.argv[1]
law, start = jf.Potential(lambda x: x**2 / 2), jf.Quantiles(np.linspace(0, 1, 200))
told = lambda step: print(step.index, flush=True)
jf.evolve(law, start, dt=1e-4, t_end=100.0, progress=False, store=path, observe=told)
"""
INSIDE = """
import os, signal, sys, time, random, threading
from jkoflow.storage import StoreWriter
add, seed, when = StoreWriter.add, int(sys.argv[2]), int(sys.argv[3])
random.seed(seed)
def deadly(self, step):
    if step.index == when:
        delay = random.uniform(0, 2e-4)
        threading.Thread(target=lambda: (time.sleep(delay), os.kill(os.getpid(), signal.SIGKILL))).start()
    add(self, step)
StoreWriter.add = deadly
"""


def exact(k: int) -> float:
    """The last node after k steps."""
    return (1 + 1e-4) ** -float(k)


def judged(path: Path, told: int) -> tuple[int, int]:
    """Steps lost of those that were told to be written, and states that are wrong."""
    try:
        flow = jf.load(path)
    except ValueError:
        return told, 0
    wrong = sum(abs(flow[k].nodes[-1] / exact(k) - 1) > 1e-9 for k in range(len(flow)))
    return max(0, told - (len(flow) - 1)), wrong


def killed(folder: Path, seed: int, inside: bool) -> tuple[int, int]:
    """Kill a run at a random moment, or within a write."""
    path, rng = folder / f"{seed}-{inside}.jko", np.random.default_rng(seed)
    when = int(rng.integers(1, 300))
    code = (INSIDE if inside else "") + RUN
    line = [sys.executable, "-c", code, str(path), str(seed), str(when)]
    told = 0
    with subprocess.Popen(line, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for text in process.stdout:
            told = int(text)
            if not inside and told >= when:
                time.sleep(rng.uniform(0, 2e-3))
                process.send_signal(signal.SIGKILL)
                break
        for text in process.stdout:  # what was told before the kill arrived
            told = int(text) if text.endswith("\n") else told
    return judged(path, told)


def damaged(folder: Path) -> list[tuple[str, int, int, int]]:
    """Truncate a small file at every length, and flip 1000 bits."""
    path = folder / "small.jko"
    law, start = jf.Potential(lambda x: x**2 / 2), jf.Quantiles(np.linspace(0, 1, 9))
    jf.evolve(law, start, scheme=jf.BDF2(), dt=0.1, t_end=0.6, store=path, progress=False)
    right, whole = jf.load(path), path.read_bytes()
    rng = np.random.default_rng(0)
    flips = [(int(rng.integers(len(whole))), int(rng.integers(8))) for _ in range(1000)]
    kinds = {
        "truncated at every length": [whole[:length] for length in range(len(whole))],
        "one bit flipped": [whole[:k] + bytes([whole[k] ^ 1 << bit]) + whole[k + 1 :] for k, bit in flips],
    }
    rows = []
    for kind, versions in kinds.items():
        wrong = refused = 0
        for version in versions:
            (folder / "damaged.jko").write_bytes(version)
            try:
                flow = jf.load(folder / "damaged.jko")
            except ValueError:
                refused += 1
                continue
            same = all(np.array_equal(flow[k].nodes, right[k].nodes) for k in range(len(flow)))
            wrong += not (same and np.array_equal(flow.energies, right.energies[: len(flow)]))
        rows.append((kind, len(versions), refused, wrong))
    return rows


def cost_of_storing(folder: Path) -> None:
    """The time of a run with and without a store."""
    plane = jf.Grid.box((-2, 2), (-2, 2), cells=64)
    bump = plane.density(lambda x, y: np.exp(-(x**2) - y**2))
    runs = {
        "64 x 64, porous medium": (jf.RenyiEntropy(2), bump, 1e-3, 60),
        "quantiles, 200 cells": (jf.RenyiEntropy(2), jf.Quantiles(np.linspace(0, 1, 201)), 1e-3, 300),
        "quantiles, 10^4 cells": (jf.RenyiEntropy(2), jf.Quantiles(np.linspace(0, 1, 10_001)), 1e-3, 50),
    }
    print(f"\n{'run':28} {'a step':>9} {'stored':>9} {'share of storing':>17}")
    for name, (law, start, dt, steps) in runs.items():
        seconds = []
        for k, store in enumerate((None, folder / "a", None, folder / "b")):
            began = time.perf_counter()
            jf.evolve(law, start, dt=dt, t_end=steps * dt, store=store and f"{store}{steps}-{k}", progress=False)
            seconds.append((time.perf_counter() - began) / steps)
        bare, kept = min(seconds[0], seconds[2]), min(seconds[1], seconds[3])
        print(f"{name:28} {bare * 1e3:7.2f}ms {kept * 1e3:7.2f}ms {(kept - bare) / bare:16.1%}")


class Shrinking(jf.Scheme):
    """A cheap scheme: nodes shrink by a factor."""

    order = 1

    def begin(self, problem, state, dt, carry):
        """Nothing is refused."""
        return {}

    def step(self, problem, state, dt, carry):
        """One step."""
        old = state.masses[""]
        new = old.like(old.nodes / (1 + dt))
        return jf.Taken(state.after(dt, jf.Species.of(new)), {}, jf.StepInfo({"": new.moved_from(old)}, jf.Status.CONVERGED))


def long_runs(folder: Path) -> None:
    """Memory along many steps, the size of the file, and the time to open it and to read one state."""
    grid = jf.Grid.box((-2, 2), (-2, 2), cells=64)
    bump = grid.density(lambda x, y: np.exp(-(x**2) - y**2))
    cheap = jf.Potential(lambda x: x**2 / 2)
    runs = {
        "10^5 steps, quantiles": (cheap, jf.Quantiles(np.linspace(0, 1, 9)), Shrinking(), 100_000),
        "10^6 steps, quantiles": (cheap, jf.Quantiles(np.linspace(0, 1, 9)), Shrinking(), 1_000_000),
        "10^4 steps, 64 x 64": (jf.RenyiEntropy(2), bump, jf.JKO(), 10_000),
    }
    for name, (law, start, scheme, steps) in runs.items():
        marks = []

        def watch(step, marks=marks, steps=steps):
            if step.index in (steps // 100, steps // 10, steps // 2, steps):
                with Path("/proc/self/statm").open() as file:
                    marks.append(int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20)

        path = folder / f"{steps}.jko"
        began = time.perf_counter()
        jf.evolve(law, start, scheme=scheme, dt=1e-5, t_end=steps * 1e-5, store=path, progress=False, observe=watch)
        seconds = time.perf_counter() - began
        began = time.perf_counter()
        flow = jf.open(path)
        opened = time.perf_counter() - began
        began = time.perf_counter()
        for k in range(0, steps, steps // 100):
            flow[k]
        read = (time.perf_counter() - began) / 100
        at = ", ".join(f"{mark:.0f}" for mark in marks)
        size = path.stat().st_size / 2**20
        print(f"{name}: {seconds / steps * 1e6:.0f} us a step; MiB at 1 %, 10 %, 50 %, 100 %: {at}", flush=True)
        print(f"    file {size:.0f} MiB; opened in {opened:.2f} s; one state {read * 1e6:.0f} us", flush=True)


def busy_machine() -> None:
    """A step at 256 x 256 alone, beside a process that never rests, and beside a second one of its kind."""
    code = (
        "import time, numpy as np, jkoflow as jf\n"
        "grid = jf.Grid.box((-1, 1), (-1, 1), cells=256)\n"
        "rho = jf.Species.of(grid.density(lambda x, y: 0.1 + np.exp(-8 * (x**2 + y**2))))\n"
        "step, solver = jf.ProximalStep(jf.RenyiEntropy(2), rho, 2e-3), jf.BackAndForth()\n"
        "solver.solve(step)\n"
        "times = []\n"
        "for _ in range(9):\n"
        "    began = time.perf_counter(); solver.solve(step); times.append(time.perf_counter() - began)\n"
        "print(sorted(times)[4])\n"
    )

    def timed(count: int = 1) -> float:
        runs = [subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) for _ in range(count)]
        return max(float(run.communicate()[0]) for run in runs)

    alone = timed()
    with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as other:
        beside = timed()
        other.kill()
    two = timed(2)
    print(f"\na step at 256 x 256: {alone:.3f} s alone, {beside / alone:.2f} times that beside a busy process, ", end="")
    print(f"{two / alone:.2f} times that when two run at once")


def other_stores(folder: Path) -> None:
    """Kills during appends to HDF5 files and to archives of numpy that are written anew: how many can be read afterwards."""
    codes = {
        "HDF5, appended": (
            "import h5py, numpy as np, sys\nf = h5py.File(sys.argv[1], 'w')\n"
            "d = f.create_dataset('s', (0, 200), maxshape=(None, 200), chunks=(16, 200), dtype='f8')\n"
            "for k in range(10**6):\n    d.resize(k + 1, 0); d[k] = k; f.flush(); print(k, flush=True)\n"
        ),
        "numpy, rewritten": (
            "import numpy as np, sys\ns = []\nfor k in range(10**6):\n    s.append(np.full(200, float(k)))\n"
            "    np.savez_compressed(open(sys.argv[1], 'wb'), s=np.array(s)); print(k, flush=True)\n"
        ),
    }
    for name, code in codes.items():
        unreadable = 0
        for seed in range(50):
            path, rng = folder / f"{seed}.other", np.random.default_rng(seed)
            path.unlink(missing_ok=True)
            with subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE, text=True) as process:
                assert process.stdout is not None
                for text in process.stdout:
                    if int(text) >= 30:
                        break
                time.sleep(rng.uniform(0, 3e-3))
                process.kill()
            try:
                if name.startswith("HDF5"):
                    import h5py

                    with h5py.File(path) as file:
                        file["s"][29]
                else:
                    with np.load(path) as data:
                        data["s"][29]
            except Exception:
                unreadable += 1
        print(f"{name}: {unreadable} of 50 kills lost every step")


def hostile_lines() -> None:
    """Files and options of the command line that cannot be used: exit code, seconds and memory of each."""
    sys.path.insert(0, str(Path(__file__).parents[1]))
    from tests import test_command

    print(f"{'case':24} {'exit':>5} {'seconds':>8} {'MiB':>6}  what is said")
    code = "import sys; from jkoflow.command import main; code = main(sys.argv[1:]); import resource\n"
    code += "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024); sys.exit(code)"
    with tempfile.TemporaryDirectory() as name:
        os.chdir(name)
        test_command.hostile_files(Path(name))
        for case, (line, _) in test_command.BAD.items():
            began = time.perf_counter()
            done = subprocess.run([sys.executable, "-c", code, *line], capture_output=True, text=True, check=False)
            seconds, said = time.perf_counter() - began, done.stderr.strip().splitlines() or [""]
            print(f"{case:24} {done.returncode:5} {seconds:8.2f} {done.stdout.split()[-1]:>6}  {said[-1][:90]}")


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if "command" in sys.argv:
            hostile_lines()
            return
        if "stores" in sys.argv:
            other_stores(folder)
            return
        if "costs" not in sys.argv:
            crashes(folder)
        cost_of_storing(folder)
        busy_machine()
        if "long" in sys.argv:
            long_runs(folder)
        print(f"most memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")


def crashes(folder: Path) -> None:
    """The crash table."""
    print(f"{'fault':28} {'tries':>6} {'lost steps':>11} {'wrong loads':>12}")
    for inside in (False, True):
        results = [killed(folder, seed, inside) for seed in range(100)]
        lost, wrong = np.sum(results, axis=0)
        print(f"{'killed ' + ('within a write' if inside else 'at any moment'):28} {100:6} {lost:11} {wrong:12}", flush=True)
    for kind, tries, refused, wrong in damaged(folder):
        print(f"{kind:28} {tries:6} {f'{refused} refused':>11} {wrong:12}", flush=True)


if __name__ == "__main__":
    main()
