"""Steady states along a voltage: the current-voltage curve."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from .._frozen import FrozenMapping
from .._status import Status
from .._typing import Array
from .._validate import finite_array
from ..laws import Law, State
from .search import SteadyState, steady


@dataclass(frozen=True, eq=False)
class CurrentVoltage:
    """Steady states at several voltages.

    Attributes
    ----------
    voltages : array (n,)
    steady_states : tuple of SteadyState
        In the order of the voltages.

    >>> import jkoflow as jf
    >>> grid, left, right = jf.Grid.box((-0.1, 1.1), cells=24), (lambda x: x < 0), (lambda x: x > 1)
    >>> def law(voltage):
    ...     plates = jf.Electrode(left, voltage), jf.Electrode(right, 0.0)
    ...     ends = jf.Reservoir(left, 1.0, name="left") + jf.Reservoir(right, 1.0, name="right")
    ...     return jf.Entropy() + ends + jf.DirichletCoupling({"": 1}, electrodes=plates)
    >>> curve = jf.current_voltage(law, grid.density(lambda x: 1.0 * (x > 0) * (x < 1)), [0.0, 1.0])
    >>> curve.voltages, bool(curve.currents["right"][1] > 0)
    (array([0., 1.]), True)
    """

    voltages: Array
    steady_states: tuple[SteadyState, ...]

    @property
    def currents(self) -> Mapping[str, Array]:
        """The charge per time that leaves through every door, by its name: an array over the voltages, NaN where one failed."""
        names = self.steady_states[0].currents
        return FrozenMapping(
            {n: np.array([end.currents[n] if end.status.ok else np.nan for end in self.steady_states]) for n in names}
        )

    @property
    def status(self) -> Status:
        """CONVERGED, or the first status that is not."""
        return next((end.status for end in self.steady_states if not end.status.ok), Status.CONVERGED)


def current_voltage(
    law: Callable[[float], Law],
    state: State,
    voltages: Sequence[float] | Array,
    *,
    mobility: Mapping[str, float] | None = None,
    tolerance: float = 1e-9,
    max_iterations: int = 2000,
) -> CurrentVoltage:
    """The steady states of a law at several voltages, each continued from the one before: a current-voltage curve.

    ``law`` is a function of the voltage. The first steady state is that at the voltage nearest to 0; from there the curve goes
    up and down. The other arguments, and the errors raised, are those of ``steady``.

    >>> import jkoflow as jf
    >>> grid = jf.Grid.box((-0.1, 1.1), cells=24)
    >>> left, right = (lambda x: x < 0), (lambda x: x > 1)
    >>> def law(voltage):
    ...     plates = jf.Electrode(left, voltage), jf.Electrode(right, 0.0)
    ...     ends = [jf.Reservoir(left, 1.0, ion, "left") + jf.Reservoir(right, 1.0, ion, "right") for ion in "pm"]
    ...     return jf.Entropy("p") + jf.Entropy("m") + ends[0] + ends[1] + jf.DirichletCoupling(p=1, m=-1, electrodes=plates)
    >>> salt = jf.Species({ion: grid.density(lambda x: 1.0 * (x > 0) * (x < 1)) for ion in "pm"})
    >>> curve = current_voltage(law, salt, [-1.0, 0.0, 2.0])
    >>> bool(np.allclose(curve.currents["right"], [-2.0, 0.0, 4.0]))                               # Ohm's law: 2 ions, c = 1
    True
    """
    if not callable(law) or isinstance(law, Law):
        raise ValueError(f"law must be a function of the voltage, got {law!r}")
    if np.ndim(voltages) != 1 or not len(voltages):
        raise ValueError(f"voltages must be a sequence of numbers, got {voltages!r}")
    values = finite_array("voltages", voltages, (len(voltages),))
    order = np.argsort(values)
    middle = int(np.argmin(np.abs(values[order])))
    found: dict[int, SteadyState] = {}
    for way in (order[middle:], order[middle::-1]):
        near = state if order[middle] not in found else _from(found[order[middle]], state)
        for index in way:
            if index not in found:
                found[index] = steady(
                    law(float(values[index])), near, mobility=mobility, tolerance=tolerance, max_iterations=max_iterations
                )
            near = _from(found[index], near)
    return CurrentVoltage(values, tuple(found[index] for index in range(len(values))))


def _from(end: SteadyState, otherwise: State) -> State:
    """The state from which the next steady state is sought: the last one that was found."""
    return end.state if end.status.ok else otherwise
