"""Swarms: the cost of inertial steps, small inertia against implicit solvers, the kinetic equation, sweeps.

Peers, each in this run: numpy; JAX (``pip install jax``); SiSyPHE, which sums by KeOps (``pip install torch sisyphe``); Radau
and BDF of scipy. A peer that is not installed is left out. Times of one row are medians of runs in turn: ours, peer,
ours, peer.

    python benchmarks/swarms.py                    all tables
    python benchmarks/swarms.py costs kinetic      these tables
"""

from __future__ import annotations

import math
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from scipy.integrate import solve_ivp

import jkoflow as jf
from jkoflow.clouds import Forces

EPSILON, DT = 0.01, 0.02
LENGTH, RADIUS = 0.7, 0.3  # of the Gaussian, of the alignment
Force = Callable[[np.ndarray], np.ndarray]


def in_turn(runs: dict[str, Callable[[], Any]], repeats: int) -> dict[str, float]:
    """The median seconds of every run, taken in turn."""
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(repeats):
        for name, run in runs.items():
            began = time.perf_counter()
            run()
            seconds[name].append(time.perf_counter() - began)
    return {name: float(np.median(several)) for name, several in seconds.items()}


def exponent(sizes: list[int], seconds: list[float]) -> float:
    """The exponent of time in size, fitted to the last three sizes that were measured; NaN without two."""
    known = np.log([(n, s) for n, s in zip(sizes, seconds, strict=True) if np.isfinite(s)][-3:])
    return float(np.polyfit(*known.T, 1)[0]) if len(known) > 1 else np.nan


def two_stages(force: Force, x: np.ndarray, u: np.ndarray, h: float, epsilon: float) -> tuple[np.ndarray, np.ndarray]:
    """The step of Inertial, as one writes it first."""
    decay = np.exp(-h / epsilon)
    reach = epsilon * (1 - decay)
    lag = h - reach
    start = force(x)
    xa, ua = x + reach * u + lag * start, decay * u + (1 - decay) * start
    change = (force(xa) - start) / h
    return xa + (h * h / 2 - epsilon * lag) * change, ua + lag * change


def dense(kernel: jf.Kernel, x: np.ndarray) -> np.ndarray:
    """The forces of all pairs in numpy, in rows that fit into memory."""
    points = x.reshape(len(x), -1)
    rows = max(1, 4_000_000 // len(x))
    parts = []
    for s in range(0, len(x), rows):
        gaps = [points[s : s + rows, None, k] - points[:, k] for k in range(points.shape[1])]
        parts.append(np.reshape(kernel.gradient(*gaps), (len(gaps), *gaps[0].shape)).sum(axis=2).T)
    return -np.concatenate(parts).reshape(x.shape) / len(x)


def by_ranks(x: np.ndarray) -> np.ndarray:
    """The forces of -abs(x) in numpy: the mass to the left minus that to the right."""
    ranks = np.empty(len(x))
    ranks[np.argsort(x)] = np.arange(len(x))
    return (2 * ranks - (len(x) - 1)) / len(x)


def in_jax() -> Force | None:
    """The forces of the Gaussian in JAX: a loop over tiles of ten sources, which it fuses into one pass over the targets."""
    try:
        import jax
        import jax.numpy as jnp
    except ImportError:
        return None
    jax.config.update("jax_enable_x64", True)
    tile = 10

    @jax.jit
    def sums(x: Any) -> Any:
        def add(total: Any, sources: Any) -> Any:
            for q in range(tile):
                gaps = [x[:, k] - sources[q, k] for k in range(x.shape[1])]
                w = jnp.exp(-sum(g * g for g in gaps) / LENGTH**2)
                total = tuple(t + w * g for t, g in zip(total, gaps, strict=True))
            return total, None

        zero = (jnp.zeros(len(x)),) * x.shape[1]
        total = jax.lax.scan(add, zero, x.reshape(-1, tile, x.shape[1]))[0]
        return jnp.stack(total, 1) * (-2 / LENGTH**2 / len(x))

    return lambda x: np.asarray(sums(x))


def costs() -> None:
    """Milliseconds of a step, and of its two forces alone, against numpy and the fastest peer."""
    jax = in_jax()
    cases = (
        ("line, -abs(x)", 1, -1.0 * jf.PowerLaw(1), [1_000, 10_000, 100_000], by_ranks, "numpy by ranks"),
        ("plane, Gaussian", 2, jf.Gaussian(1.0, LENGTH), [1_000, 3_000, 10_000, 30_000], jax, "JAX"),
        ("space, Gaussian", 3, jf.Gaussian(1.0, LENGTH), [1_000, 3_000, 10_000, 30_000], jax, "JAX"),
    )
    print(
        f"A step of Inertial({EPSILON}), milliseconds: through evolve; its parts: two forces, one energy; all pairs in numpy,"
    )
    print("and the fastest peer, both without energy. Ratios are to the two forces.")
    for name, dim, kernel, sizes, peer, of in cases:
        print(f"{name}; peer: {of if peer is not None else of + ' is not installed, left out'}")
        print("        N     evolve     forces     energy      numpy  ratio       peer  ratio")
        table = [cost(dim, kernel, n, peer) for n in sizes]
        for n, row in zip(sizes, table, strict=True):
            ours, forces, energy, plain, theirs = (1e3 * s for s in row)
            told = f"{n:9d} {ours:10.3f} {forces:10.3f} {energy:10.3f} {plain:10.2f} {plain / forces:6.1f}"
            print(f"{told} {theirs:10.3f} {theirs / forces:6.2f}")
        slopes = [exponent(sizes, list(column)) for column in zip(*table, strict=True)]
        print(" exponent" + "".join(f" {slope:10.2f}" for slope in slopes[:4]) + f" {slopes[4]:17.2f}", flush=True)


def cost(dim: int, kernel: jf.Kernel, n: int, peer: Force | None) -> tuple[float, ...]:
    """Seconds of a step: through evolve, its two forces, one energy, dense in numpy, by the peer. NaN where not run."""
    rng = np.random.default_rng(n)
    x, u = rng.normal(size=(2, n) if dim == 1 else (2, n, dim))
    law, state = jf.Interaction(kernel), jf.MovingParticles(x, u)
    places = jf.Species.of(state.places)
    forces = Forces.of(law, jf.Species.of(state), {"": 1.0})

    def ours(steps: int) -> Any:
        return jf.evolve(law, state, scheme=jf.Inertial(EPSILON), dt=DT, t_end=steps * DT, progress=False)

    runs: dict[str, Callable[[], Any]] = {
        "one": partial(ours, 1),
        "three": partial(ours, 3),
        "forces": lambda: [forces([x], [u], [state.masses], 0.0) for _ in range(2)],
        "energy": partial(law, places),
    }
    others = {"numpy": partial(dense, kernel)} if n <= 10_000 else {}
    others |= {} if peer is None else {"peer": peer}
    final = ours(1).final
    for other, force in others.items():
        runs[other] = partial(two_stages, force, x, u, DT, EPSILON)
        assert np.allclose(runs[other]()[0], final.points, rtol=1e-10, atol=1e-12)
    seconds = in_turn(runs, 5 if n <= 3_000 or (dim == 1 and n > 10_000) else 1 if n > 10_000 else 3)
    step = (seconds["three"] - seconds["one"]) / 2
    return step, *(seconds.get(name, np.nan) for name in ("forces", "energy", "numpy", "peer"))


def within_radius(r: Any) -> Any:
    return 1.0 * (r <= RADIUS)


def alignment() -> None:
    """Milliseconds of one sum of alignment against SiSyPHE."""
    print(f"\nAlignment in the plane with the neighbours within {RADIUS}, one evaluation, milliseconds")
    try:
        import torch

        np.math = math  # type: ignore[attr-defined]  # SiSyPHE 1.2 asks for this name of numpy 1
        from sisyphe.models import CuckerSmale
    except ImportError as error:
        print(f"SiSyPHE is left out: {error}")
        CuckerSmale = None
    print("        N    jkoflow    SiSyPHE  ratio   nanoseconds a pair")
    sizes, table = [1_000, 3_000, 10_000, 30_000], []
    for n in sizes:
        x, v = np.random.default_rng(n).normal(size=(2, n, 2))
        state = jf.MovingParticles(x, v)
        forces = Forces.of(jf.Alignment(within_radius), jf.Species.of(state), {"": 1.0})
        runs = {"ours": partial(forces.of_velocities, [x], [v], [state.masses])}
        if CuckerSmale is not None:
            size = 100.0  # of a box, in which the strength is given
            strength = math.pi * (RADIUS / size) ** 2
            peer = CuckerSmale(
                *(torch.tensor(x), torch.tensor(v), 0.0, strength, RADIUS, size, 0.0, 0.0), boundary_conditions="open", dt=1e-12
            )
            peer.update()  # compiled
            assert np.allclose((peer.vel.numpy() - v) / 1e-12, runs["ours"]()[0], atol=1e-3)
            runs["peer"] = peer.update
        seconds = in_turn(runs, 3 if n < 30_000 else 1)
        ours, theirs = seconds["ours"], seconds.get("peer", np.nan)
        table.append((ours, theirs))
        print(f"{n:9d} {1e3 * ours:10.2f} {1e3 * theirs:10.2f} {theirs / ours:6.3f}", end=" ")
        print(f"{1e9 * ours / n**2:12.2f} {1e9 * theirs / n**2:8.2f}")
    slopes = [exponent(sizes, list(column)) for column in zip(*table, strict=True)]
    print(f" exponent {slopes[0]:10.2f} {slopes[1]:10.2f}", flush=True)


def swarm(n: int) -> tuple[jf.Law, jf.Species]:
    """Two species of n particles in the plane under a smooth law without energy, with velocities far from the forces."""
    rng = np.random.default_rng(3)
    state = jf.Species({name: jf.MovingParticles(*rng.normal(size=(2, n, 2))) for name in ("a", "b")})
    law = jf.Interaction(-1.0 * jf.Gaussian(1.0, 0.8), "a") + jf.Interaction(jf.Gaussian(1.0, 1.5), "b")
    for name in state:
        law += jf.Potential(lambda x, y: (x**2 + y**2) / 2, name, gradient=lambda x, y: (x, y))
    law += jf.Drift(jf.Gaussian(2.0, 1.0), moves="a", by="b") - jf.Drift(jf.Gaussian(1.0, 1.0), moves="b", by="a")
    return law, state


def numbers(state: jf.Species) -> np.ndarray:
    """All places, then all velocities."""
    parts = [[getattr(p, part) for p in state.values()] for part in ("points", "velocities")]
    return np.ravel(parts)


class Stiff:
    """The system of small inertia for solve_ivp. It counts the calls of the force."""

    def __init__(self, law: jf.Law, state: jf.Species, epsilon: float) -> None:
        self.forces = Forces.of(law, state, dict.fromkeys(state, 1.0))
        self.masses = [p.masses for p in state.values()]
        self.start, self.epsilon, self.calls = numbers(state), epsilon, 0

    def __call__(self, t: float, y: np.ndarray) -> np.ndarray:
        self.calls += 1
        x, u = y.reshape(2, 2, -1, 2)
        force = np.asarray(self.forces(list(x), list(u), self.masses, t))
        return np.concatenate([u.ravel(), (force - u).ravel() / self.epsilon])

    def solved(self, method: str, rtol: float) -> tuple[np.ndarray, int, int, int]:
        """The end, the steps, nfev + njev, and the calls of the force."""
        self.calls = 0
        found = solve_ivp(self, (0.0, 1.0), self.start, method=method, rtol=rtol, atol=rtol)
        return found.y[:, -1], len(found.t) - 1, found.nfev + found.njev, self.calls


def followed(law: jf.Law, state: jf.Species, scheme: jf.Scheme, dt: float) -> tuple[np.ndarray, int, int, int]:
    """The end, the steps, and twice the calls of the force."""
    flow = jf.evolve(law, state, scheme=scheme, dt=dt, t_end=1.0, progress=False)
    calls = sum(info.evaluations for info in flow.infos)
    return numbers(flow.final), len(flow) - 1, calls, calls


def small_inertia(epsilon: float = 1e-6, wanted: float = 1e-6) -> None:
    """Steps and calls of the force until places and velocities at t = 1 are right to ``wanted``."""
    print(f"\nTwo species in the plane, epsilon = {epsilon:g}: the first run whose places and velocities at t = 1 are right")
    print(f"to {wanted:g} against InertialReference(tolerance=1e-11). Calls: of the force, also for Jacobians by differences")
    for n in (10, 100):
        law, state = swarm(n)
        system = Stiff(law, state, epsilon)
        reference = followed(law, state, jf.InertialReference(epsilon, tolerance=1e-11), 1.0)[0]
        away = np.abs(system.solved("Radau", 1e-12 if n == 10 else 1e-10)[0] - reference).max()
        print(f"{2 * n} particles; the reference is {away:.1e} from Radau at its tightest")
        print("                       dt or tolerance    steps  nfev + njev    calls     error   seconds")
        ladders: dict[str, tuple[Callable[[float], Any], np.ndarray]] = {
            "Inertial": (lambda dt, e=law, s=state: followed(e, s, jf.Inertial(epsilon), dt), 0.1 / 2.0 ** np.arange(16)),
            "InertialReference": (
                lambda share, e=law, s=state: followed(e, s, jf.InertialReference(epsilon, tolerance=share), 1.0),
                10.0 ** -np.arange(3, 11, 0.5),
            ),
            "Radau": (partial(system.solved, "Radau"), 10.0 ** -np.arange(3, 12, 0.5)),
            "BDF": (partial(system.solved, "BDF"), 10.0 ** -np.arange(3, 12, 0.5)),
        }
        for name, (solve, parameters) in ladders.items():
            for parameter in parameters:
                began = time.perf_counter()
                end, steps, counted, calls = solve(parameter)
                seconds = time.perf_counter() - began
                error = np.abs(end - reference).max()
                if error < wanted:
                    told = f"{steps:8d}" if name != "InertialReference" else "        "  # its steps are inside one of evolve
                    print(
                        f"{name:20s} {parameter:17.2e} {told} {counted:12d} {calls:8d} {error:9.1e} {seconds:9.3f}", flush=True
                    )
                    break


def kinetic() -> None:
    """Seconds of a step of the kinetic equation against the number of cells."""
    print("\nA step of Kinetic(0.1) with a well and a Gaussian interaction, seconds; nanoseconds a cell; peak memory so far")
    law = {
        1: jf.Potential(lambda x: x**2 / 2) + jf.Interaction(jf.Gaussian()),
        2: jf.Potential(lambda x, y: (x**2 + y**2) / 2) + jf.Interaction(jf.Gaussian()),
    }
    for dim, cells in ((1, [64, 128, 256, 512, 1024]), (2, [16, 32, 48, 64])):
        sizes, seconds = [n ** (2 * dim) for n in cells], []
        for n, size in zip(cells, sizes, strict=True):
            grid = jf.Grid.box(*[(-4.0, 4.0)] * dim, cells=n)
            f = jf.PhaseDensity.of(grid, grid, lambda *z: np.exp(-sum(c**2 for c in z) - z[0]))
            run = partial(jf.evolve, law[dim], f, scheme=jf.Kinetic(0.1), dt=0.05, progress=False, keep=1)
            run(t_end=0.05)  # compiled
            took = in_turn({"three": partial(run, t_end=0.15), "one": partial(run, t_end=0.05)}, 3)
            seconds.append((took["three"] - took["one"]) / 2)
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
            print(f"{n:6d}^{2 * dim} {seconds[-1]:10.4f} {1e9 * seconds[-1] / size:8.1f} {peak:8.2f} GiB")
        print(f" exponent {exponent(sizes, seconds):9.2f}", flush=True)


def member(epsilon: float, seed: int, log: str = "") -> dict[str, float]:
    """A run of the sweep. With ``log`` it leaves a line when it begins."""
    if log:
        with open(log, "a") as lines:
            lines.write(f"{epsilon!r} {seed}\n")
    x, u = np.random.default_rng(seed).normal(size=(2, 20, 2))
    law = jf.Interaction(jf.Gaussian()) + jf.Potential(lambda x, y: x**2 + y**4, gradient=lambda x, y: (2 * x, 4 * y**3))
    flow = jf.evolve(law, jf.MovingParticles(x, u), scheme=jf.Inertial(epsilon), dt=0.005, t_end=1.5, progress=False)
    return {"spread": flow.final.velocity_spread}


def busy(count: int) -> float:
    return sum(math.sqrt(k) for k in range(count))


OVER = {"epsilon": [1e-3, 1e-2, 1e-1, 1.0], "seed": list(range(16))}


def sweeps() -> None:
    """A sweep of 64 runs on 1 and 2 processes, and killed half way."""
    print("\nA sweep of 64 runs")
    run = partial(jf.study.sweep, member, over=OVER)
    expected = run().rows  # and the loops are compiled

    def on(workers: int) -> None:
        with ProcessPoolExecutor(workers) as executor:
            assert run(executor=executor).rows == expected

    def loops(workers: int) -> None:
        with ProcessPoolExecutor(workers) as executor:
            list(executor.map(busy, [100_000] * 64))

    runs = {f"{f.__name__} {workers}": partial(f, workers) for f in (on, loops) for workers in (1, 2)}
    seconds = in_turn(runs, 3)
    speed_up = seconds["on 1"] / seconds["on 2"]
    print(f"1 process {seconds['on 1']:.2f} s, 2 processes {seconds['on 2']:.2f} s: speed-up {speed_up:.2f}")
    print(f"what the machine gave: 64 loops of plain Python sped up by {seconds['loops 1'] / seconds['loops 2']:.2f}")
    with tempfile.TemporaryDirectory() as place:
        folder, log = Path(place, "kept"), Path(place, "log")
        process = subprocess.Popen([sys.executable, __file__, "resume", folder, log], start_new_session=True)
        while len(list(folder.glob("*.json"))) < 32 and process.poll() is None:
            time.sleep(0.01)
        os.killpg(process.pid, signal.SIGKILL)  # with its workers, as a machine that goes down
        process.wait()
        kept, begun = len(list(folder.glob("*.json"))), len(log.read_text().splitlines())
        subprocess.run([sys.executable, __file__, "resume", folder, log], check=True)
        lines = log.read_text().splitlines()
        again = len(lines) - len(set(lines))
        assert run(folder=folder).rows == expected  # read, and to the last bit
        print(f"killed with SIGKILL: {begun} begun, {kept} kept; resumed: {len(lines) - begun} run, of them {again} again")
        print(f"files beside the {len(expected)} results: {len(list(folder.iterdir())) - len(expected)}")


def resume(folder: str, log: str) -> None:
    with ProcessPoolExecutor(2) as executor:
        jf.study.sweep(partial(member, log=log), over=OVER, executor=executor, folder=folder)


TABLES = {"costs": costs, "alignment": alignment, "inertia": small_inertia, "kinetic": kinetic, "sweeps": sweeps}

if __name__ == "__main__":
    if sys.argv[1:2] == ["resume"]:
        resume(*sys.argv[2:])
    else:
        for table in sys.argv[1:] or TABLES:
            TABLES[table]()
