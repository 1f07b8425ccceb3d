"""Ordered particles: events, crossing grid and velocities against N and against solve_ivp; the many-particle limit.

The peer is scipy's solve_ivp on the literal equations, once with small steps over all jumps of the velocity, once stopped at
every meeting by its event finder and restarted with the right velocities. The exact flow has no error to be equal to: both
errors are printed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.integrate import solve_ivp
from timing import timed

import jkoflow as jf
from jkoflow.ordered import TipLaw, Walk

LAW = jf.newtonian_law()


def separated(n: int) -> jf.OrderedParticles:
    return jf.OrderedParticles(x=-np.ones(n), y=np.ones(n))


def mixed(n: int, *, equal: bool = True) -> jf.OrderedParticles:
    rng = np.random.default_rng(0)
    x, y = np.sort(rng.normal(size=n)), np.sort(rng.normal(0.1, 1, size=n))
    return jf.OrderedParticles(x=x, y=y) if equal else jf.OrderedParticles(
        x=(x, rng.dirichlet(np.ones(n))), y=(y, rng.dirichlet(np.ones(n)))
    )  # fmt: skip


def row(name: str, sizes: tuple[int, ...], make: Callable[[int], Any], run: Callable[[Any], Any]) -> None:
    seconds, cells = [], ""
    for n in sizes:
        start = make(n)
        took, said = timed(lambda start=start: run(start), 3 if n <= 3000 else 1)
        seconds.append(took)
        cells += f"   {n:8d}: {took:9.4f} s{'' if said is None else f' ({said:9d})'}"
    exponent = np.polyfit(np.log(sizes[-3:]), np.log(seconds[-3:]), 1)[0]
    print(f"{name:34s}{cells}   exponent {exponent:.2f}")


def events(start: jf.Species) -> int:
    walk = Walk(TipLaw.of(LAW, start), start)
    walk.advance(np.inf)
    return walk.count


def speed() -> None:
    for warm in (separated(3), mixed(5, equal=False)):
        events(warm), jf.ordered.velocity(warm), jf.ordered.resolvent(warm, 0.1)
    jf.ordered.CrossingGrid(separated(3)).final  # noqa: B018
    print("Seconds against N (number of events in brackets), exponents of the last three sizes")
    row("events, separated species", (300, 1_000, 3_000, 10_000), separated, events)
    row("events, mixed species", (300, 1_000, 3_000, 10_000), mixed, events)
    row("events, mixed, unequal masses", (300, 1_000, 3_000), lambda n: mixed(n, equal=False), events)
    row(
        "crossing grid, final state",
        (1_000, 3_000, 10_000),
        separated,
        lambda s: len(jf.ordered.CrossingGrid(s).final) and None,
    )
    row("velocities", (10_000, 100_000, 1_000_000), mixed, lambda s: len(jf.ordered.velocity(s)) and None)
    row("velocities, two clusters", (10_000, 100_000, 1_000_000), separated, lambda s: len(jf.ordered.velocity(s)) and None)
    row("resolvent, equal masses", (10_000, 100_000, 1_000_000), mixed, lambda s: len(jf.ordered.resolvent(s, 0.1)) and None)
    unequal = (10_000, 100_000, 1_000_000)
    row(
        "resolvent, unequal masses",
        unequal,
        lambda n: mixed(n, equal=False),
        lambda s: len(jf.ordered.resolvent(s, 0.1)) and None,
    )


def literal(n: int) -> Callable[[float, Any], Any]:
    """The right side by ranks, for positions in any order: the velocities of the particles, x first."""
    levels = (2 * np.arange(1, n + 1) - 1) / n - 1

    def velocities(t: float, z: Any) -> Any:
        x, y = np.sort(z[:n]), np.sort(z[n:])

        def sides(a: Any, b: Any) -> Any:
            return (np.searchsorted(b, a, "left") + np.searchsorted(b, a, "right")) / n - 1

        return np.concatenate([levels - sides(z[:n], y), levels - sides(z[n:], x)])

    return velocities


def peer() -> None:
    print("\nsolve_ivp to t = 1 (mixed species), error against the exact flow; ours in seconds and the ratio")
    for n in (20, 50, 100):
        start = mixed(n)
        z0 = np.concatenate([start["x"].points, start["y"].points])
        ours, exact = timed(lambda start=start: jf.ordered.WorldLines(start, 1.0).at([1.0])[0])
        truth = np.concatenate([exact["x"].points, exact["y"].points])
        for name, run in {
            "max_step 1e-2": lambda: solve_ivp(literal(n), (0, 1), z0, max_step=1e-2).y[:, -1],  # noqa: B023
            "max_step 1e-3": lambda: solve_ivp(literal(n), (0, 1), z0, max_step=1e-3).y[:, -1],  # noqa: B023
            "rtol 1e-6": lambda: solve_ivp(literal(n), (0, 1), z0, rtol=1e-6, atol=1e-9).y[:, -1],  # noqa: B023
            "stopped at meetings": lambda: restarted(start),  # noqa: B023
        }.items():
            took, z = timed(run, 1)
            error, ratio = np.abs(z - truth).max(), took / ours
            print(f"N = {n:4d}  {name:20s} {took:8.3f} s  error {error:.1e}; ours {ours:.5f} s, ratio {ratio:8.0f}")


def restarted(start: jf.OrderedParticles) -> Any:
    """solve_ivp stopped where any x meets any y, positions that met set equal, and started again."""
    now, state = 0.0, start
    n = len(start["x"].points)
    while now < 1.0:
        v = jf.ordered.velocity(state)
        speeds = np.concatenate([v["x"], v["y"]])
        z = np.concatenate([state["x"].points, state["y"].points])
        order = np.lexsort((speeds, z))
        closing = speeds[order][:-1] > speeds[order][1:]

        def gap(t: float, w: Any, order: Any = order, closing: Any = closing) -> float:
            return float(np.min(np.diff(w[order])[closing], initial=1.0))

        gap.terminal, gap.direction = True, -1  # type: ignore[attr-defined]
        found = solve_ivp(lambda t, w, speeds=speeds: speeds, (now, 1.0), z, events=gap, rtol=1e-10, atol=1e-12)
        now, z = float(found.t[-1]), found.y[:, -1].copy()
        if found.status == 1:
            near = np.flatnonzero(closing & (np.diff(z[order]) < 1e-9))
            for k in near:
                z[order[k]] = z[order[k + 1]] = (z[order[k]] + z[order[k + 1]]) / 2
        state = jf.OrderedParticles.sorted(x=z[:n], y=z[n:])
    return np.concatenate([state["x"].points, state["y"].points])


def edges(points: Any) -> jf.Quantiles:
    """Midpoint quantiles as a density: half way between them, a cell each."""
    inner = (points[1:] + points[:-1]) / 2
    return jf.Quantiles(np.concatenate([[2 * points[0] - inner[0]], inner, [2 * points[-1] - inner[-1]]]))


def limit(name: str, x: jf.Quantiles, y: jf.Quantiles, truths: dict[float, Callable[[Any], Any]]) -> None:
    print(f"\n{name}: W1 and W2 of the densities to the limit, and rates; midpoints, and the paper's atomisation with (66)")
    fine = (1 - np.cos(np.linspace(0, np.pi, 1281))) / 2
    for t, truth in truths.items():
        exact = jf.Quantiles(truth(fine), np.diff(fine))
        table = []
        for n in (40, 160, 640, 2560):
            grids = [
                jf.ordered.CrossingGrid(jf.OrderedParticles.midpoints(n, x=x, y=y)),
                jf.ordered.CrossingGrid(jf.OrderedParticles.from_density(n, x=x, y=y)),
            ]
            one, two = (grid.final if t == np.inf else grid.at([t])[0] for grid in grids)
            ghost = jf.ordered.ghost_place(x.nodes[0], grids[1].start["y"], t) if t < np.inf else two["x"].points[0]
            both = edges(one["x"].points), two["x"].reconstruction(min(ghost, float(two["x"].points[0])))
            table.append([measure.wasserstein(exact, p) for measure in both for p in (1, 2)])
        errors = np.array(table).T
        for label, values in zip(("midpoints W1", "midpoints W2", "paper W1", "paper W2"), errors, strict=True):
            rates = np.log(values[:-1] / values[1:]) / np.log(4)
            print(
                f"t = {t:5g}  {label:14s}" + "".join(f"{v:10.2e}" for v in values) + "   " + "".join(f"{r:6.2f}" for r in rates)
            )


def many() -> None:
    pair = jf.closed_forms.DiracPair()

    def at(t: float) -> Callable[[Any], Any]:
        return lambda s: np.array([-1.0 if level <= 0 else pair.quantile(min(float(level), 1 - 1e-13), t) for level in s])

    atoms = jf.Quantiles.atoms([-1.0]), jf.Quantiles.atoms([1.0])
    limit("Dirac pair", *atoms, {0.75: at(0.75), 1.0: at(1.0), np.inf: pair.limit})
    x, y = jf.Quantiles([0.0, 1.0]), jf.Quantiles([0.5, 1.5])
    limit("overlapping uniforms", x, y, {np.inf: lambda s: jf.closed_forms.newtonian_limit(x, y, s, points=200_001)})
    print(
        "\noverlapping uniforms: place of the level F when it meets the level G of the other (closed form), error at N, rates"
    )
    for F, G in ((0.6, 0.3), (0.9, 0.6), (0.3, 0.1), (0.7, 0.65)):
        t, place = jf.closed_forms.newtonian_meeting(F, G, x, y)
        errors = []
        for n in (40, 160, 640, 2560):
            points = jf.ordered.CrossingGrid(jf.OrderedParticles.midpoints(n, x=x, y=y)).at([t])[0]["x"].points
            errors.append(abs(float(np.interp(F, (np.arange(n) + 0.5) / n, points)) - place))
        rates = np.log(np.array(errors[:-1]) / errors[1:]) / np.log(4)
        print(
            f"F = {F}, G = {G}, t = {t:.4f}: "
            + "".join(f"{e:10.2e}" for e in errors)
            + "   "
            + "".join(f"{r:6.2f}" for r in rates)
        )


if __name__ == "__main__":
    speed()
    peer()
    many()
