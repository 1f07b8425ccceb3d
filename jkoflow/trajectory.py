"""The result of a run: times, states, energies, distances, and a status for every step."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from html import escape
from typing import Any, overload

import numpy as np

from ._status import Status
from ._typing import Array
from .measures import UNNAMED, Measure, Species
from .ordered import Events
from .schemes import StepInfo


@dataclass(frozen=True, eq=False)
class Step:
    """One completed step of a run.

    Attributes
    ----------
    index : int
        The number of the step, from 1.
    time : float
        The time reached.
    dt : float
        The size of the step.
    state : Measure or Species
        The state reached.
    energy : float
        The energy of the state. NaN if the law has no energy.
    info : StepInfo
        What the scheme tells of the step.
    dissipation : float
        sum_i W2_i^2 / (alpha_i dt^2), an energy per time.
    elapsed : float
        Seconds since the run began.
    """

    index: int
    time: float
    dt: float
    state: Measure | Species
    energy: float
    info: StepInfo
    dissipation: float
    elapsed: float


@dataclass(frozen=True, eq=False)
class Trajectory(Sequence[Any]):
    """A flow at its times, as a sequence of states.

    ``flow[k]`` is the k-th state. ``flow["u"]`` is the trajectory of the species "u" alone.

    Attributes
    ----------
    times : array (K + 1,)
        The times of the states.
    snapshots : tuple of Species, K + 1 of them
        The states as Species, also if the run began with a bare measure.
    energies : array (K + 1,)
        The energies of the states. NaN if the law has no energy.
    dts : array (K,)
        The sizes of the steps.
    infos : tuple of StepInfo, K of them
        What the scheme tells of every step: distances by species, status, iterations, residual and more.
    mobilities : mapping
        The mobility of every species.
    scheme : str
        The scheme with its solver, as run.
    outcome : str
        Why the run ended.
    selected : str or None
        The one species that is shown, as in ``flow["u"]``. None if all are shown.
    """

    times: Array
    snapshots: tuple[Species, ...]
    energies: Array
    dts: Array
    infos: tuple[StepInfo, ...]
    mobilities: Mapping[str, float]
    scheme: str
    outcome: str
    selected: str | None = None

    @property
    def states(self) -> tuple[Any, ...]:
        """The states: measures if the run began with a bare measure or one species is selected, Species otherwise."""
        if self.selected is not None:
            return tuple(state[self.selected] for state in self.snapshots)
        return tuple(state.unwrapped for state in self.snapshots)

    @property
    def final(self) -> Any:
        """The last state."""
        return self[-1]

    @property
    def species(self) -> tuple[str, ...]:
        """The names of the species shown. ``("",)`` for a bare measure."""
        return tuple(self.snapshots[0]) if self.selected is None else (self.selected,)

    @property
    def distances(self) -> Array:
        """The distance moved in every step, (K,).

        For one species this is W2, for several the product distance (sum_i W2_i^2 / alpha_i)^(1/2). W2_i stands for
        ``StepInfo.distances``, which is at least W2 for schemes whose steps do not follow the optimal map.
        """
        if len(self.species) == 1:
            return np.array([info.distances[self.species[0]] for info in self.infos])
        return np.sqrt(self._weighted_squares())

    @property
    def dissipation(self) -> Array:
        """The dissipation of every step, (K,): sum_i W2_i^2 / (alpha_i dt^2), an energy per time.

        For the exact JKO step it is the rate at which energy is lost at the new state, that is
        sum_i alpha_i int |grad dE/d rho_i|^2 d rho_i (docs/theory/poisson-nernst-planck.md, section 2.5).
        """
        return self._weighted_squares() / self.dts**2

    def _weighted_squares(self) -> Array:
        """sum_i W2_i^2 / alpha_i of every step, over the species shown."""
        return np.array(
            [sum(info.distances[name] ** 2 / self.mobilities[name] for name in self.species) for info in self.infos]
        )

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
        """True if every step can be trusted (``Status.ok``)."""
        return all(status.ok for status in self.statuses)

    def rows(self) -> list[dict[str, Any]]:
        """Return a table with one row per state.

        A row holds the number of the step, the time, the energy, and the relative error of the total mass. From the first step
        on it also holds the distance, dissipation, status, iterations and residual of the step that led to the state.
        """
        start_mass = sum(self.snapshots[0][name].mass for name in self.species)
        table = []
        for k, state in enumerate(self.snapshots):
            mass = sum(state[name].mass for name in self.species)
            row: dict[str, Any] = {"step": k, "time": float(self.times[k]), "energy": float(self.energies[k])}
            if k > 0:
                info = self.infos[k - 1]
                row |= {"distance": float(self.distances[k - 1]), "dissipation": float(self.dissipation[k - 1])}
                row |= {"status": info.status.name, "iterations": info.iterations, "residual": info.residual}
            table.append(row | {"mass error": mass / start_mass - 1})
        return table

    def __len__(self) -> int:
        return len(self.snapshots)

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
        if key not in self.species or key == UNNAMED:
            raise KeyError(f"no species {key!r}; there are {', '.join(map(repr, self.species))}")
        return replace(self, selected=key)

    def __repr__(self) -> str:
        steps = len(self) - 1
        energy = f"energy {self.energies[0]:.6g} -> {self.energies[-1]:.6g}"
        return (
            f"Trajectory: {steps} steps to t = {self.times[-1]:.6g}, {'no energy' if np.isnan(self.energies[0]) else energy}, "
            f"{self.outcome}{'' if self.ok else ', NOT every step was solved'}"
        )

    def _repr_html_(self) -> str:
        not_converged = [f"step {k + 1}: {status}" for k, status in enumerate(self.statuses) if status is not Status.CONVERGED]
        entries = {
            "outcome": self.outcome,
            "scheme": self.scheme,
            "steps": len(self) - 1,
            "time": f"{self.times[0]:.6g} to {self.times[-1]:.6g}",
            "energy": f"{self.energies[0]:.6g} to {self.energies[-1]:.6g}",
            "species": ", ".join(self.species) or "one",
            "steps to look at": "; ".join(not_converged[:5]) or "none",
        }
        body = "".join(f"<tr><th>{escape(label)}</th><td>{escape(str(value))}</td></tr>" for label, value in entries.items())
        return f"<table><caption>Trajectory</caption>{body}</table>"
