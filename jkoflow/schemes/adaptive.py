"""A scheme whose step size follows the estimated error."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, NamedTuple

import numpy as np

from .._status import Status
from .._validate import plain_numbers, positive
from ..laws import Law
from ..measures import HoldsPlaces, Species, State
from ..transport import wasserstein2
from .base import Carry, Scheme, StepInfo, Taken
from .problem import Problem

_SAFETY, _LEAST, _MOST = 0.9, 0.2, 5.0  # factors on dt: the margin, the largest cut, the largest growth


@dataclass(frozen=True)
class Adaptive(Scheme):
    """Take the steps of another scheme with a dt that keeps the error of every step below a tolerance.

    The error is estimated by step doubling. From the same state the scheme takes one step of dt and two steps of dt / 2. With
    p the order of the scheme,

        err = W2(end of the step, end of the two half steps) / (2^p - 1).

    W2 is the product distance if there are several species. The answer of the two half steps is kept.

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
    least_dt : float
        If dt falls below this time, the run ends with the status DT_TOO_SMALL, or with the status of the solver if it failed.

    Cost: three steps of the scheme for every step that is accepted, and the W2 between their ends. W2 is exact. It costs O(n)
    on Quantiles and on densities in 1-D. On densities in 2-D and 3-D it is the network simplex, for about a thousand cells.

    >>> import numpy as np, jkoflow as jf
    >>> rho = jf.Quantiles(np.linspace(-1.0, 1.0, 101))
    >>> flow = jf.evolve(jf.RenyiEntropy(2), rho, scheme=Adaptive(jf.JKO(), tolerance=1e-3), dt=1e-4, t_end=10.0)
    >>> bool(flow.dts[-2] > 100 * flow.dts[0])
    True
    """

    scheme: Scheme
    tolerance: float
    least_dt: float = 1e-12
    chooses_dt: ClassVar[bool] = True

    def __post_init__(self) -> None:
        plain_numbers(self)
        if not isinstance(self.scheme, Scheme) or self.scheme.chooses_dt:
            raise ValueError(f"scheme must be one with steps of a given size, such as JKO(), got {self.scheme!r}")
        if self.scheme.looks_back:
            raise ValueError(f"scheme must look at the last state only, got {self.scheme!r}: take VariationalExtrapolation()")
        positive("tolerance", self.tolerance)
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
        inner = self.scheme.begin(problem, state, dt, {name: values for name, values in carry.items() if name != "dt"})
        return {**inner, "dt": carry["dt"]} if "dt" in carry else inner

    def step(self, problem: Problem, state: State, dt: float, carry: Carry) -> Taken:
        iterations, residual = 0, 0.0
        mobilities = problem.mobilities_at(state.time)
        inner = {name: values for name, values in carry.items() if name != "dt"}
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
            if next_dt < self.least_dt:
                status = Status.DT_TOO_SMALL if status.ok else status
                break
            dt = next_dt
        fine = doubled.fine
        distances = {name: wasserstein2(fine.state.masses[name], measure) for name, measure in state.masses.items()}
        info = StepInfo(distances, status, iterations, residual, fine.info.dissipation, dt=dt, error=error)
        after = state.after(dt, fine.state.masses, fine.state.fields)
        return Taken(after, {**fine.carry, "dt": np.array(next_dt)}, info)

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
        return _DoubledStep(coarse.state.masses, fine, status, iterations, max(info.residual for info in infos))


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


def _product_distance(a: Species, b: Species, mobilities: Mapping[str, float]) -> float:
    """(sum_i W2(a_i, b_i)^2 / alpha_i)^(1/2)."""
    return float(np.sqrt(sum(wasserstein2(a[name], b[name]) ** 2 / mobilities[name] for name in a)))
