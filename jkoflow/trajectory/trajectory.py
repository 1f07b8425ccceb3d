"""The result of a run: times, states, energies, distances, and a status for every step."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from html import escape
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from .._status import Status
from .._typing import Array
from ..clouds import Departures
from ..measures import Species, State
from ..ordered import Events
from ..schemes import Carry, StepInfo
from ..schemes.splitting.leaving import NUMBERS
from .record import Lazy, Record, Step, record_of

if TYPE_CHECKING:
    import pandas


@dataclass(frozen=True, eq=False)
class Trajectory(Sequence[Any]):
    """A flow at its times, as a sequence of states.

    ``flow[k]`` is the k-th state: what the run began with, a bare measure or Species; a State if there are fields.
    ``flow["u"]`` is the trajectory of the species "u" alone.

    ``evolve`` and ``open`` make trajectories, ``Trajectory.of`` makes one of the steps of ``steps``. States that are kept in a
    file are read when they are asked for.

    Attributes
    ----------
    record : Record
        The steps that are kept, in memory or in a file.
    selected : str or None
        The one species that is shown, as in ``flow["u"]``. None if all are shown.

    >>> import jkoflow as jf
    >>> rho = jf.Grid.box((0, 1), cells=16).density(lambda x: 1 + x)
    >>> flow = jf.evolve(jf.Entropy(), rho, dt=0.1, t_end=0.3)
    >>> len(flow), flow.ok, bool(flow.energies[-1] < flow.energies[0]), flow.final is flow[-1]
    (4, True, True, True)
    """

    record: Record
    selected: str | None = None

    @classmethod
    def of(cls, steps: Iterable[Step]) -> Trajectory:
        """Return the trajectory of steps, as :func:`jkoflow.steps` yields them. They must follow one another.

        >>> import jkoflow as jf
        >>> rho = jf.Grid.box((0, 1), cells=16).density(lambda x: 1 + x)
        >>> len(Trajectory.of(jf.steps(jf.Entropy(), rho, dt=0.01, t_end=0.03)))
        4
        """
        return cls(record_of(steps))

    @property
    def times(self) -> Array:
        """The times of the states, (K + 1,)."""
        return self.record.numbers.times

    @property
    def energies(self) -> Array:
        """The energies of the states, (K + 1,), as the scheme tells them. NaN if the law has no energy."""
        return self.record.numbers.energies

    @property
    def dts(self) -> Array:
        """The sizes of the steps, (K,)."""
        return self.record.numbers.dts

    @property
    def dissipation(self) -> Array:
        """The dissipation of every step, (K,), an energy per time, as the scheme tells it (``StepInfo.dissipation``).

        For one species of several it is the chord (W2 / dt)^2 / alpha.
        """
        if self.selected is None:
            return self.record.numbers.dissipations
        return self.squared_distances / self.dts**2

    @property
    def work(self) -> Array:
        """The energy that the change of the law in time has added in every step, (K,): 0 if nothing depends on time.

        It is E(t + dt) - E(t), both at the state before the step; for schemes of order 2 and more the mean of this and of the
        same at the state after it. Energies that hold the mobilities change with them.
        """
        return self.record.numbers.works

    @property
    def solvers(self) -> tuple[str, ...]:
        """The name of the step solver that solved every step. Empty names for schemes without a solver."""
        return tuple(info.solver for info in self.infos)

    @property
    def distances(self) -> Array:
        """The distance moved in every step, (K,).

        For one species this is W2, for several the product distance (sum_i W2_i^2 / alpha_i)^(1/2). W2_i stands for
        ``StepInfo.distances``, which is at least W2 for schemes whose steps do not follow the optimal map.
        """
        if self.selected is None:
            return self.record.numbers.distances
        return np.array([info.distances[self.selected] for info in self.infos])

    @property
    def masses(self) -> Array:
        """The mass of every state, (K + 1,), added up over the species shown: it changes by Growth and through doors alone."""
        return np.array([sum(self.record.state(k).masses[name].mass for name in self.species) for k in range(len(self))])

    @property
    def outflow(self) -> dict[str, Array]:
        """The mass that left through every door in every step, (K,), by the name of the door, for the species shown.

        What entered counts negative. Without Growth ``masses[0] - masses[k]`` is the sum of the first k entries of all doors.
        """
        rows = [[info.outflow.get(name, {}) for name in self.species] for info in self.infos]
        doors = dict.fromkeys(door for row in rows for by_door in row for door in by_door)
        return {door: np.array([sum(by_door.get(door, 0.0) for by_door in row) for row in rows]) for door in doors}

    @property
    def departures(self) -> Departures:
        """The particles that left through doors, for the species shown, in the order and with the times of their leaving."""
        starts = zip(self.times, self.infos, strict=False)
        gone = [info.departures.later(float(start)) for start, info in starts if info.departures is not None]
        return Departures.joined([part.of(name) for part in gone for name in self.species])

    def paths(self, species: str | None = None) -> Array:
        """Return the points of one species at all times, shape (K + 1, n) on the line, (K + 1, n, d) otherwise.

        After a particle has left through a door, its entries are NaN. The particles are those of the first state that is
        kept. ``species`` may be left out if only one is shown.

        Raises ValueError for a species that is not shown, and if it is not told which of several.

        >>> import jkoflow as jf
        >>> law = jf.Potential(lambda x: -x) + jf.Exit(lambda x: x > 1)
        >>> flow = jf.evolve(law, jf.Particles([0.0, 0.7]), scheme=jf.Splitting(jf.Overdamped()), dt=0.25, t_end=0.5)
        >>> flow.paths().round(6)
        array([[0.  , 0.7 ],
               [0.25, 0.95],
               [0.5 ,  nan]])
        """
        if species is None and len(self.species) > 1:
            raise ValueError(f"species must be one of {', '.join(map(repr, self.species))}, got None")
        name = self.species[0] if species is None else species
        if name not in self.species:
            raise ValueError(f"species must be one of {', '.join(map(repr, self.species))}, got {species!r}")
        gone = [np.zeros(0, dtype=np.intp)]
        gone += [gone[0] if info.departures is None else info.departures.of(name).numbers for info in self.infos]
        everyone = np.arange(len(self.snapshots[0][name].masses))
        if self.record.first and any(map(len, gone)):  # states were dropped, and some may have left before
            everyone = np.sort(np.concatenate([self.carry.get(NUMBERS + name, gone[0]), *gone]))
        paths = np.full((len(self), *self.snapshots[0][name].points.shape), np.nan)
        stays = np.ones(len(everyone), dtype=bool)
        for row, state, numbers in zip(paths, self.snapshots, gone, strict=True):
            stays[np.searchsorted(everyone, numbers)] = False
            row[stays] = state[name].points
        return paths

    @property
    def squared_distances(self) -> Array:
        """sum_i W2_i^2 / alpha_i of every step, (K,), over the species shown: an energy times a time."""
        if len(self.species) > 1:
            return self.distances**2
        return self.distances**2 / self.mobilities[self.species[0]]

    @property
    def infos(self) -> Sequence[StepInfo]:
        """What the scheme tells of every step: distances by species, status, iterations, residual and more."""
        return Lazy(len(self.record), self.record.info)

    @property
    def snapshots(self) -> Sequence[Species]:
        """The masses of every state as Species, also if the run began with a bare measure."""
        return Lazy(len(self), lambda k: self.record.state(k).masses)

    @property
    def states(self) -> Sequence[Any]:
        """The states: measures if the run began with a bare measure or one species is selected; else Species, or States."""
        return Lazy(len(self), self._shown)

    def state(self, k: int) -> State:
        """The k-th state with its fields and its time."""
        return self.record.state(range(len(self))[k])

    def _shown(self, k: int) -> Any:
        state = self.record.state(k)
        return state.unwrapped if self.selected is None else state.masses[self.selected]

    @property
    def final(self) -> Any:
        """The last state."""
        return self[-1]

    @property
    def carry(self) -> Carry:
        """What the next step needs beyond the last state, as the scheme keeps it. Raises ValueError if it was lost."""
        if self.record.carry is None:
            raise ValueError("the carry of the last step is lost: start a run from flow.final")
        return self.record.carry

    @property
    def mobilities(self) -> Mapping[str, float]:
        """The mobility of every species as the scheme took it, at the start of the run."""
        return self.record.description.mobilities

    @property
    def law(self) -> str:
        """The law in words."""
        return self.record.description.law

    @property
    def scheme(self) -> str:
        """The scheme with its solver, as run."""
        return self.record.description.scheme

    @property
    def outcome(self) -> str:
        """Why the run ended."""
        return self.record.outcome

    @property
    def species(self) -> tuple[str, ...]:
        """The names of the species shown. ``("",)`` for a bare measure."""
        return tuple(self.snapshots[0]) if self.selected is None else (self.selected,)

    @property
    def statuses(self) -> tuple[Status, ...]:
        """The status of every step."""
        return tuple(info.status for info in self.infos)

    @property
    def events(self) -> Events:
        """The meetings of ordered particles along the flow, in times of the flow. Empty if the scheme follows no events."""
        starts = zip(self.times, self.infos, strict=False)
        return Events.joined([info.events.later(float(start)) for start, info in starts if info.events is not None])

    @property
    def ok(self) -> bool:
        """True if every step can be trusted (``Status.ok``), and neither Ctrl-C nor an error ended the run."""
        return self.record.complete and self._solved

    @property
    def _solved(self) -> bool:
        return bool(self.record.numbers.solved.all())

    def rows(self) -> list[dict[str, Any]]:
        """Return a table with one row per state.

        A row holds the number of the step, the time, the energy, and the relative change of the total mass since the start: an
        error, unless there are doors or growth. From the first step on it also holds dt, the distance, dissipation, work,
        status, iterations and residual of the step that led to the state.
        """
        numbers, species = self.record.numbers, self.species
        distances, dissipations = self.distances, self.dissipation
        masses = [sum(state[name].mass for name in species) for state in self.snapshots]
        table = []
        for k, mass in enumerate(masses):
            row: dict[str, Any] = {"step": self.record.first + k, "time": float(numbers.times[k])}
            row["energy"] = float(numbers.energies[k])
            if k > 0:
                info = self.infos[k - 1]
                row |= {"dt": float(numbers.dts[k - 1]), "distance": float(distances[k - 1])}
                row |= {"dissipation": float(dissipations[k - 1]), "work": float(numbers.works[k - 1])}
                row |= {
                    "status": info.status.name,
                    "iterations": info.iterations,
                    "residual": info.residual,
                    "solver": info.solver,
                }
            table.append(row | {"mass error": mass / masses[0] - 1 if masses[0] > 0 else float("nan")})
        return table

    def to_pandas(self) -> pandas.DataFrame:
        """Return :meth:`rows` as a data frame of pandas. Needs pandas: ``pip install 'jkoflow[storage]'``."""
        import pandas

        return pandas.DataFrame(self.rows())

    def __len__(self) -> int:
        return len(self.record) + 1

    def __iter__(self) -> Iterator[Any]:
        return iter(self.states)

    @overload
    def __getitem__(self, key: int) -> Any: ...
    @overload
    def __getitem__(self, key: slice) -> tuple[Any, ...]: ...
    @overload
    def __getitem__(self, key: str) -> Trajectory: ...
    def __getitem__(self, key: int | slice | str) -> Any:
        if not isinstance(key, str):
            return self.states[key]
        if key not in self.species:
            raise KeyError(f"no species {key!r}; there are {', '.join(map(repr, self.species))}")
        return replace(self, selected=key)

    def __repr__(self) -> str:
        steps = self.record.first + len(self) - 1
        energy = f"energy {self.energies[0]:.6g} -> {self.energies[-1]:.6g}"
        return (
            f"Trajectory: {steps} steps to t = {self.times[-1]:.6g}, {'no energy' if np.isnan(self.energies[0]) else energy}, "
            f"{self.outcome}{'' if self._solved else ', NOT every step was solved'}"
        )

    def _repr_html_(self) -> str:
        not_converged = [f"step {k + 1}: {status}" for k, status in enumerate(self.statuses) if status is not Status.CONVERGED]
        entries = {
            "outcome": self.outcome,
            "law": self.law,
            "scheme": self.scheme,
            "steps": self.record.first + len(self) - 1,
            "time": f"{self.times[0]:.6g} to {self.times[-1]:.6g}",
            "energy": f"{self.energies[0]:.6g} to {self.energies[-1]:.6g}",
            "species": ", ".join(self.species) or "one",
            "steps to look at": "; ".join(not_converged[:5]) or "none",
        }
        body = "".join(f"<tr><th>{escape(label)}</th><td>{escape(str(value))}</td></tr>" for label, value in entries.items())
        return f"<table><caption>Trajectory</caption>{body}</table>"
