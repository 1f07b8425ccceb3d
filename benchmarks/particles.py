"""Particles: sums over pairs against numpy and JAX, the exact path on the line, and one law on three measures.

JAX is the fastest peer that pip installs for dense sums in double precision on a CPU (against pykeops: 3 times); without it its
column is empty (`pip install jax`). It compiles for every shape; the time is that of later calls, as for jkoflow.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from timing import timed

import jkoflow as jf
from jkoflow.kernels.sums import pair_gradients

KERNELS = {"Gaussian": jf.Gaussian(1.0, 0.7), "Morse": jf.Morse(1.0, 0.7), "|x|": jf.PowerLaw(1), "log": jf.PowerLaw(0)}


def broadcast(kernel: jf.Kernel, x: np.ndarray, m: np.ndarray) -> np.ndarray:
    """The sums as one writes them first, in rows that fit into memory."""
    rows = max(1, 4_000_000 // len(x))
    parts = [
        (kernel.gradient(*(x[s : s + rows, None, k] - x[:, k] for k in range(x.shape[1]))) @ m).T
        for s in range(0, len(x), rows)
    ]
    return np.concatenate(parts)


def jax_peer() -> Callable[[str], Callable[[np.ndarray, np.ndarray], np.ndarray]] | None:
    """All pairs in JAX: a loop over tiles of ten sources, which it fuses into one pass over the targets."""
    try:
        import jax
        import jax.numpy as jnp
    except ImportError:
        return None
    jax.config.update("jax_enable_x64", True)
    tile = 10
    weights = {
        "Gaussian": lambda r2: jnp.exp(-r2 / 0.49) * (2 / 0.49),
        "Morse": lambda r2: jnp.exp(-jnp.sqrt(r2 + 1e-300) / 0.7) / (0.7 * jnp.sqrt(r2 + 1e-300)),
        "|x|": lambda r2: 1 / jnp.sqrt(r2 + 1e-300),
        "log": lambda r2: 1 / (r2 + 1e-300),
    }

    def peer(name: str) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
        @jax.jit
        def sums(x: Any, m: Any) -> Any:
            def step(carry: Any, sources: Any) -> Any:
                fx, fy = carry
                for q in range(tile):
                    dx, dy = x[:, 0] - sources[q, 0], x[:, 1] - sources[q, 1]
                    w = weights[name](dx * dx + dy * dy) * sources[q, 2]
                    fx, fy = fx + w * dx, fy + w * dy
                return (fx, fy), None

            sources = jnp.pad(jnp.column_stack([x, m]), ((0, -len(x) % tile), (0, 0))).reshape(-1, tile, 3)
            zero = jnp.zeros(len(x))
            return jnp.stack(jax.lax.scan(step, (zero, zero), sources)[0], 1)

        return lambda x, m: np.asarray(sums(x, m))

    return peer


def pair_forces() -> None:
    print("\nForces of all pairs in the plane, seconds; nanoseconds a pair; relative difference to numpy (on 1000 rows)")
    columns = "           {:>7s} {:>9s} {:>6s} {:>9s} {:>6s} {:>9s} {:>6s} {:>11s}"
    print(columns.format("N", "jkoflow", "ns", "numpy", "ratio", "jax", "ratio", "difference"))
    peer = jax_peer()
    rng = np.random.default_rng(0)
    for name, kernel in KERNELS.items():
        for n in (1_000, 10_000, 100_000):
            x, m = rng.normal(size=(n, 2)), rng.dirichlet(np.ones(n))
            repeats = 5 if n <= 10_000 else 1
            pair_gradients(kernel, x, x, m)  # compiled and warm
            ours, found = timed(lambda x=x, m=m, k=kernel: pair_gradients(k, x, x, m), repeats)
            head = (kernel.gradient(*(x[:1000, None, k] - x[:, k] for k in range(2))) @ m).T
            difference = np.abs(found[:1000] - head).max() / np.abs(head).max()
            plain = timed(lambda x=x, m=m, k=kernel: broadcast(k, x, m), 1)[0] if n <= 10_000 else np.nan
            theirs = np.nan
            if peer is not None:
                sums = peer(name)
                sums(x, m)
                theirs, other = timed(lambda x=x, m=m, s=sums: s(x, m), repeats)
                assert np.allclose(other, found, rtol=1e-9, atol=1e-12)
            print(
                f"{name:10s} {n:7d} {ours:9.4f} {ours / n**2 * 1e9:6.2f} {plain:9.3f} {plain / ours:6.1f} "
                f"{theirs:9.4f} {theirs / ours:6.2f} {difference:11.1e}",
                flush=True,
            )


def the_line() -> None:
    print("\nOn the line, exact: seconds")
    rng = np.random.default_rng(0)
    for name, kernel in {
        "|x|": jf.PowerLaw(1),
        "Morse": jf.Morse(),
        "x^2 / 2": jf.Quadratic(),
        "x^4 / 4": jf.PowerLaw(4),
    }.items():
        row = []
        for n in (10_000, 100_000, 1_000_000):
            x, m = rng.normal(size=n), np.full(n, 1 / n)
            row.append(timed(lambda x=x, m=m, k=kernel: pair_gradients(k, x, x, m), 3)[0])
        exponent = np.log(row[-1] / row[-2]) / np.log(10)
        print(f"{name:10s}" + "".join(f" {seconds:9.4f}" for seconds in row) + f"   exponent {exponent:.2f}")


def three_measures() -> None:
    print("\nOne law on three measures: W2 of species x at t = 0.5 to BDF2 on 200 quantiles")
    K = jf.Gaussian(1.0, 1.5)
    law = jf.Interaction(jf.Morse(0.5, 2.0), "x") + jf.Interaction(K, "y") + jf.CrossInteraction(K, between=("x", "y"))

    def shape(centre: float) -> Callable[[Any], Any]:
        return lambda x: np.maximum(1 - (x - centre) ** 2, 0) ** 2

    fine = jf.Grid.box((-2.5, 2.5), cells=4000)
    start = {"x": fine.density(shape(-1.0)), "y": fine.density(shape(1.0))}

    def quantiles(n: int) -> jf.Species:
        return jf.Species({k: rho.quantiles(n, walls=False) for k, rho in start.items()})

    reference = jf.evolve(law, quantiles(200), scheme=jf.BDF2(), dt=0.0125, t_end=0.5).final["x"]

    def row(name: str, final: Any, seconds: float) -> None:
        print(f"{name:44s} {jf.wasserstein2(final['x'], reference):9.2e}   {seconds:6.2f} s", flush=True)

    for n, dt in ((25, 0.04), (50, 0.02), (100, 0.01)):
        seconds, flow = timed(lambda n=n, dt=dt: jf.evolve(law, quantiles(n), dt=dt, t_end=0.5), 1)
        row(f"Quantiles {n}, JKO, dt = {dt}", flow.final, seconds)
    for n in (50, 100, 200):
        levels = (np.arange(n) + 0.5) / n
        cells = quantiles(4000)
        points = {k: np.interp(levels, np.cumsum(np.r_[0.0, q.masses]), q.nodes) for k, q in cells.items()}
        state = jf.Species({k: jf.Particles(p) for k, p in points.items()})
        seconds, flow = timed(lambda s=state: jf.evolve(law, s, scheme=jf.Overdamped(), t_end=0.5, dt=0.5), 1)
        row(f"Particles {n}, Overdamped", flow.final, seconds)
        if n <= 100:
            seconds, flow = timed(lambda s=state: jf.evolve(law, s, dt=0.01, t_end=0.5), 1)
            row(f"Particles {n}, JKO, dt = 0.01", flow.final, seconds)
    for diffusion in (0.04, 0.01, 0.0025):
        grid = jf.Grid.box((-2.5, 2.5), cells=400)
        state = jf.Species(x=grid.density(shape(-1.0)), y=grid.density(shape(1.0)))
        noisy = law + diffusion * (jf.Entropy("x") + jf.Entropy("y"))
        seconds, flow = timed(lambda s=state, e=noisy: jf.evolve(e, s, dt=0.01, t_end=0.5), 1)
        row(f"Density 400, JKO, dt = 0.01, diffusion {diffusion}", flow.final, seconds)


if __name__ == "__main__":
    pair_forces()
    the_line()
    three_measures()
