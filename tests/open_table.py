"""Which measures, solvers and schemes take which parts of an open world: a table of runs.

`python -m tests.open_table` prints the table for docs/solvers.md. Every entry is a run that is solved, or a refusal in words.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

import jkoflow as jf

BOX = jf.Grid.box((0, 1.25), cells=20)
LEFT = (0.0, 1.0)  # where mass is at the start


def _density(grid: jf.Grid = BOX) -> jf.Density:
    return grid.density(lambda x: (1 + 0.5 * np.cos(3 * x)) * (x < LEFT[1]))


def _quantiles() -> jf.Quantiles:
    return jf.Quantiles(np.linspace(0.1, 0.9, 9), walls=(0.0, 1.25))


def _side_by_side(state: Any) -> jf.Species:
    """Two species: the state twice, and on Quantiles its left and its right half."""
    if not isinstance(state, jf.Quantiles):
        return jf.Species(a=state, b=state)
    half = len(state.masses) // 2
    halves = (slice(0, half), slice(half, None))
    left, right = (
        jf.Quantiles(state.nodes[of.start : (of.stop or len(state.masses)) + 1], state.masses[of], state.walls) for of in halves
    )
    return jf.Species(a=left, b=right)


def _moving(points: Any = ((0.1,), (0.5,), (0.8,))) -> jf.MovingParticles:
    return jf.MovingParticles(points, np.zeros((3, 1)))


def _phase() -> jf.PhaseDensity:
    space, velocity = jf.Grid.box((0, 1.25), cells=16), jf.Grid.box((-4, 4), cells=32)
    return jf.PhaseDensity.of(space, velocity, lambda x, v: np.exp(-20 * (x - 0.5) ** 2 - 8 * v**2))


ROWS: dict[str, tuple[Callable[[], Any], Callable[[], jf.Scheme]]] = {
    "`Density`, `JKO()`": (_density, jf.JKO),
    "`Density`, `JKO(FiniteVolume())`": (_density, lambda: jf.JKO(jf.FiniteVolume())),
    "`Density`, `JKO(BackAndForth())`": (_density, lambda: jf.JKO(jf.BackAndForth())),
    "`Density`, `JKO(Entropic())`": (_density, lambda: jf.JKO(jf.Entropic())),
    "`Density`, `JKO(Convex())`": (_density, lambda: jf.JKO(jf.Convex())),
    "`Density`, `JKO(ConvexDynamic())`": (_density, lambda: jf.JKO(jf.ConvexDynamic())),
    "`Density`, `ImplicitMidpoint()`": (_density, jf.ImplicitMidpoint),
    "`Density`, `BDF2()`": (_density, jf.BDF2),
    "`Density`, `SemiImplicitJKO()`": (_density, jf.SemiImplicitJKO),
    "`Density`, `Splitting(JKO())`": (_density, lambda: jf.Splitting(jf.JKO())),
    "`Quantiles`, `JKO()`": (_quantiles, jf.JKO),
    "`Quantiles`, `BDF2()`": (_quantiles, jf.BDF2),
    "`Quantiles`, `Splitting(JKO())`": (_quantiles, lambda: jf.Splitting(jf.JKO())),
    "`RadialQuantiles`, `JKO()`": (lambda: jf.RadialQuantiles(np.linspace(0, 1, 9), dim=2), jf.JKO),
    "`Particles`, `Overdamped()`": (lambda: jf.Particles([0.1, 0.5, 0.8]), jf.Overdamped),
    "`Particles`, `JKO()`": (lambda: jf.Particles([0.1, 0.5, 0.8]), jf.JKO),
    "`Particles`, `Splitting(Overdamped())`": (lambda: jf.Particles([0.1, 0.5, 0.8]), lambda: jf.Splitting(jf.Overdamped())),
    "`MovingParticles`, `Inertial()`": (_moving, jf.Inertial),
    "`MovingParticles`, `Langevin()`": (_moving, lambda: jf.Langevin(seed=1)),
    "`MovingParticles`, `Splitting(Inertial())`": (_moving, lambda: jf.Splitting(jf.Inertial())),
    "`PhaseDensity`, `Kinetic()`": (_phase, jf.Kinetic),
    "`OrderedParticles`, `Brezis()`": (lambda: jf.OrderedParticles([0.1, 0.5, 0.8]), jf.Brezis),
}


def _region(x: Any) -> Any:
    return x > LEFT[1]


def _own(state: Any, name: str = "") -> jf.Law:
    """A law that the measure takes."""
    if isinstance(state, jf.Density | jf.Quantiles | jf.RadialQuantiles):
        return jf.Entropy(name)
    return jf.Interaction(jf.PowerLaw(1) if isinstance(state, jf.OrderedParticles) else jf.Quadratic(), name)


def _in_a_sum(state: Any, name: str) -> jf.Law:
    """The same beside a sum of species: on Quantiles an entropy would spread one of them into the other."""
    return jf.Potential(lambda x: x**2 / 2, name) if isinstance(state, jf.Quantiles) else _own(state, name)


def _charged(state: Any, **more: Any) -> tuple[jf.Law, Any]:
    law = _own(state, "a") + _own(state, "b") + jf.DirichletCoupling(a=1, b=-1, boundary="dirichlet", **more)
    return law, jf.Species(a=state, b=state)


def _on_a_torus(state: Any, periodic: Any) -> tuple[jf.Law, Any]:
    if not isinstance(state, jf.Density):
        raise ValueError("only a Density has a grid")
    if periodic is True:
        torus = jf.Grid.torus((0, 1.25), cells=20)
        return jf.Entropy(), _density(torus)
    channel = jf.Grid.box((0, 1), (0, 1), cells=8, periodic=periodic)
    return jf.Entropy(), channel.density(lambda x, y: 2 + np.cos(6 * x) + np.cos(3 * y))


COLUMNS: dict[str, Callable[[Any], tuple[jf.Law, Any]]] = {
    "torus": lambda state: _on_a_torus(state, True),
    "channel": lambda state: _on_a_torus(state, (True, False)),
    "`Exit`": lambda state: (_own(state) + jf.Exit(_region), state),
    "`Reservoir`": lambda state: (_own(state) + jf.Reservoir(_region, 1.0), state),
    "`Inflow`": lambda state: (_own(state) + jf.Inflow(_region, 1.0), state),
    "`Growth`": lambda state: (_own(state) + jf.Growth(lambda rho: 1 - rho), state),
    "`Advection`": lambda state: (_own(state) + jf.Advection(lambda x: x * (1.25 - x)), state),
    "sum": lambda state: (
        _in_a_sum(state, "a") + _in_a_sum(state, "b") + jf.RenyiEntropy(2, ("a", "b")),
        _side_by_side(state),
    ),
    "`Mobility`": lambda state: (_own(state) + jf.Mobility(lambda x: 1 + x), state),
    "eps(x)": lambda state: _charged(state, permittivity=lambda x: 1 + x),
    "`Electrode`": lambda state: _charged(state, electrodes=[jf.Electrode(_region, 1.0)]),
}


def entry(row: str, column: str) -> str:
    """'yes' for a run that is solved, 'no' for one that is refused in words. Anything else raises."""
    make_state, make_scheme = ROWS[row]
    try:
        law, state = COLUMNS[column](make_state())
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", jf.UnresolvedWarning)
            flow = jf.evolve(law, state, scheme=make_scheme(), dt=0.02, t_end=0.04, on_failure="return")
    except ValueError:
        return "no"
    if not all(status.ok for status in flow.statuses):
        raise AssertionError(f"{row} x {column} ended with {flow.statuses[-1]}")
    return "yes"


def table() -> str:
    """The table, in Markdown."""
    lines = ["| | " + " | ".join(COLUMNS) + " |", "|---" * (len(COLUMNS) + 1) + "|"]
    lines += [f"| {row} | " + " | ".join(entry(row, column) for column in COLUMNS) + " |" for row in ROWS]
    return "\n".join(lines)


if __name__ == "__main__":
    print(table())
