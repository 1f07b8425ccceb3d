"""A scheme whose step size follows the estimated error."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, NamedTuple

import numpy as np

from .._status import Status
from .._typing import Array
from .._validate import plain_numbers, positive
from ..laws import Law
from ..measures import Density, HoldsPlaces, Species, State
from ..transport import nearby_distance, wasserstein2
from .base import Carry, Scheme, StepInfo, Taken
from .problem import Problem

_SAFETY, _LEAST, _MOST = 0.9, 0.2, 5.0  # factors on dt: the margin, the largest cut, the largest growth
_LEAST_SHARE = 1e-12  # of the first dt
_OWN = ("dt", "least_dt")  # what the carry holds beside that of the scheme inside


@dataclass(frozen=True)
class Adaptive(Scheme):
    """Take the steps of another scheme with a dt that keeps the error of every step below a tolerance.

    The error is estimated by step doubling. From the same state the scheme takes one step of dt and two steps of dt / 2. With
    p the order of the scheme,

        err = W2(end of the step, end of the two half steps) / (2^p - 1).

    W2 is the product distance if there are several species. Between densities in 2-D and 3-D it is the linearised distance,
    from a potential (``transport.nearby_distance``), which follows motion far below a cell. The answer of the two half steps
    is kept.

    * If err is at most the tolerance, the step is accepted.
    * If err exceeds the tolerance, the step is taken again with a smaller dt.
    * If the solver fails, the step is taken again with dt / 5.

    The dt that follows is .9 dt (tolerance / err)^(1 / (p + 1)). It differs from dt by a factor of at most 5. ``dt`` of
    ``evolve`` is the size of the first step that is tried.

    Parameters
    ----------
    scheme : Scheme
        A scheme that looks at the last state only: JKO, SemiImplicitJKO, VariationalExtrapolation.
    tolerance : float
        Bound on the error of one step, a distance.
    least_dt : float, optional
        If dt falls below this time, the run ends with the status DT_TOO_SMALL, or with the status of the solver if it failed.
        Default: 1e-12 of the ``dt`` of ``evolve``.

    The distances told of a step on densities in 2-D and 3-D are the sums of those of the two half steps. Elsewhere they are W2.

    Cost: three steps of the scheme for every step that is accepted, and O(n) for the distance between their ends. Between
    particles in the plane and in space the distance is the network simplex, for about a thousand particles.

    >>> import numpy as np, jkoflow as jf
    >>> rho = jf.Quantiles(np.linspace(-1.0, 1.0, 101))
    >>> flow = jf.evolve(jf.RenyiEntropy(2), rho, scheme=Adaptive(jf.JKO(), tolerance=1e-3), dt=1e-4, t_end=10.0)
    >>> bool(flow.dts[-2] > 100 * flow.dts[0])
    True
    """

    scheme: Scheme
    tolerance: float
    least_dt: float | None = None
    chooses_dt: ClassVar[bool] = True

    def __post_init__(self) -> None:
        plain_numbers(self)
        if not isinstance(self.scheme, Scheme) or self.scheme.chooses_dt:
            raise ValueError(f"scheme must be one with steps of a given size, such as JKO(), got {self.scheme!r}")
        if self.scheme.looks_back:
            raise ValueError(f"scheme must look at the last state only, got {self.scheme!r}: take VariationalExtrapolation()")
        positive("tolerance", self.tolerance)
        if self.least_dt is not None:
            positive("least_dt", self.least_dt)

    @property
    def order(self) -> float:  # type: ignore[override]
        """The order of the scheme that takes the steps."""
        return self.scheme.order

    @property
    def needs_energy(self) -> bool:  # type: ignore[override]
        """Whether the scheme that takes the steps needs an energy."""
        return self.scheme.needs_energy

    def filled_in(self, law: Law, state: Species) -> Adaptive:
        return replace(self, scheme=self.scheme.filled_in(law, state))

    def energy(self, problem: Problem, state: State) -> float:
        return self.scheme.energy(problem, state)

    def begin(self, problem: Problem, state: State, dt: float, carry: Carry) -> Carry:
        if issubclass(state.masses.kind, HoldsPlaces):
            raise ValueError(
                f"Adaptive measures its error in places alone, and {state.masses.kind.__name__} have velocities: "
                f"take {self.scheme!r} with a fixed dt"
            )
        if problem.forms.openings:
            raise ValueError("Adaptive compares states of one mass, and doors change it: take a fixed dt")
        inner = dict(self.scheme.begin(problem, state, dt, _without_own(carry)))
        least = _LEAST_SHARE * dt if self.least_dt is None else self.least_dt
        return {**inner, "least_dt": np.array(least), **{name: carry[name] for name in _OWN if name in carry}}

    def step(self, problem: Problem, state: State, dt: float, carry: Carry) -> Taken:
        iterations, residual = 0, 0.0
        mobilities = problem.mobilities_at(state.time)
        inner, least_dt = _without_own(carry), float(carry["least_dt"])
        while True:
            doubled = self._doubled_step(problem, state, dt, inner)
            status = doubled.status
            iterations += doubled.iterations
            residual = max(residual, doubled.residual)
            if status.ok:
                error = _product_distance(doubled.coarse, doubled.fine.state.masses, mobilities) / (2**self.order - 1)
                change = _SAFETY * (self.tolerance / max(error, 1e-300)) ** (1 / (self.order + 1))
                if error <= self.tolerance:
                    next_dt = dt * float(np.clip(change, _LEAST, _MOST))
                    break
            else:
                error, change = np.inf, _LEAST
            next_dt = dt * float(np.clip(change, _LEAST, 1.0))
            if next_dt < least_dt:
                status = Status.DT_TOO_SMALL if status.ok else status
                break
            dt = next_dt
        fine = doubled.fine
        ends = fine.state.masses
        distances = {name: _moved(before, ends[name], doubled.ways[name]) for name, before in state.masses.items()}
        info = StepInfo(
            distances, status, iterations, residual, fine.info.dissipation, dt=dt, error=error, solver=fine.info.solver
        )
        return Taken(
            state.after(dt, ends, fine.state.fields),
            {**fine.carry, "dt": np.array(next_dt), "least_dt": carry["least_dt"]},
            info,
        )

    def _doubled_step(self, problem: Problem, state: State, dt: float, carry: Carry) -> _DoubledStep:
        """Take one step of ``dt`` and, from the same state, two steps of ``dt / 2``. Stop at the first that fails."""
        coarse = self.scheme.step(problem, state, dt, carry)
        infos, fine = [coarse.info], Taken(state, carry, coarse.info)
        for _ in range(2):
            if not infos[-1].status.ok:
                break
            fine = self.scheme.step(problem, fine.state, dt / 2, fine.carry)
            infos.append(fine.info)
        status = next((info.status for info in infos if not info.status.ok), Status.CONVERGED)
        iterations = sum(info.iterations for info in infos)
        ways = {name: sum(info.distances[name] for info in infos[1:]) for name in state.masses}
        return _DoubledStep(coarse.state.masses, fine, status, iterations, max(info.residual for info in infos), ways)


class _DoubledStep(NamedTuple):
    """One whole step and two half steps from the same state."""

    coarse: Species
    """The masses at the end of the whole step."""
    fine: Taken
    """The end of the half steps."""
    status: Status
    """The status of the step that failed, or CONVERGED."""
    iterations: int
    """The iterations of all steps together."""
    residual: float
    """The largest residual of all steps."""
    ways: Mapping[str, float]
    """By species, the distances of the half steps added up."""


def _without_own(carry: Carry) -> dict[str, Array]:
    """The part of a carry that belongs to the scheme inside."""
    return {name: values for name, values in carry.items() if name not in _OWN}


def _product_distance(a: Species, b: Species, mobilities: Mapping[str, float]) -> float:
    """(sum_i W2(a_i, b_i)^2 / alpha_i)^(1/2)."""
    return float(np.sqrt(sum(_distance(a[name], b[name]) ** 2 / mobilities[name] for name in a)))


def _distance(a: Any, b: Any) -> float:
    """W2 of two measures that differ little."""
    return nearby_distance(a, b) if isinstance(a, Density) and a.grid.dim > 1 else wasserstein2(a, b)


def _moved(before: Any, after: Any, way: float) -> float:
    """How far a measure moved, if the half steps moved it by ``way`` in all."""
    return way if isinstance(before, Density) and before.grid.dim > 1 else wasserstein2(after, before)
