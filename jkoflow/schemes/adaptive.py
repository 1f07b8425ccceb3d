"""Steps whose size follows the error."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from .._status import Status
from .._validate import positive
from ..laws import Law
from ..measures import Species
from ..transport import wasserstein2
from .base import Past, Scheme, StepInfo

_SAFETY, _LEAST, _MOST = 0.9, 0.2, 5.0  # of the change of dt


@dataclass(frozen=True)
class Adaptive(Scheme):
    """Another scheme with step doubling: one step of dt against two of dt / 2, whose answer is kept.

    The error of a step is estimated by err = W2(one, two) / (2^p - 1), p the order of the scheme, with the product distance for
    several species; where it exceeds the tolerance the step is taken again, and the next has
    dt (tolerance / err)^(1 / (p + 1)), times .9 and within a factor of 5. A step that the solver fails on is taken again with a
    fifth. ``dt`` of ``evolve`` is the first step tried. Costs three steps of the scheme for every one accepted.

    Parameters
    ----------
    scheme : Scheme
        A scheme that looks at the last state only: JKO, SemiImplicitJKO, VariationalExtrapolation.
    tolerance : float
        Of the error of one step, a distance.
    least_dt : float
        Where dt falls below it the run ends with the status DT_TOO_SMALL.

    W2 is exact and costs O(n) on Quantiles and 1-D densities; on densities in 2-D and 3-D it is the network simplex, for a
    thousand cells or so.

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
        if not isinstance(self.scheme, Scheme) or self.scheme.chooses_dt:
            raise ValueError(f"scheme must be one with steps of a given size, such as JKO(), got {self.scheme!r}")
        if self.scheme.looks_back:
            raise ValueError(f"scheme must look at the last state only, got {self.scheme!r}: take VariationalExtrapolation()")
        positive("tolerance", self.tolerance)
        positive("least_dt", self.least_dt)

    @property
    def order(self) -> float:  # type: ignore[override]
        """The order of the scheme it holds."""
        return self.scheme.order

    @property
    def needs_energy(self) -> bool:  # type: ignore[override]
        """Whether the scheme it holds does."""
        return self.scheme.needs_energy

    def filled_in(self, law: Law, state: Species) -> Adaptive:
        return replace(self, scheme=self.scheme.filled_in(law, state))

    def init(self, law: Law, state: Species, tau: float, mobilities: Mapping[str, float], past: Past | None = None) -> None:
        self.scheme.init(law, state, tau, mobilities)

    def step(
        self, law: Law, state: Species, tau: float, mobilities: Mapping[str, float], carry: None
    ) -> tuple[Species, None, StepInfo]:
        iterations = 0
        while True:
            coarse, fine, last, status, used = self._both(law, state, tau, mobilities)
            iterations += used
            if status.ok:
                error = _apart(coarse, fine, mobilities) / (2**self.order - 1)
                change = _SAFETY * (self.tolerance / max(error, 1e-300)) ** (1 / (self.order + 1))
                if error <= self.tolerance:
                    next_dt = tau * float(np.clip(change, _LEAST, _MOST))
                    break
            else:
                error, change = np.inf, _LEAST
            next_dt = tau * float(np.clip(change, _LEAST, 1.0))
            if next_dt < self.least_dt:
                status = Status.DT_TOO_SMALL if status.ok else status
                break
            tau = next_dt
        distances = {name: wasserstein2(fine[name], measure) for name, measure in state.items()}
        return fine, None, StepInfo(distances, status, iterations, last.residual, dt=tau, next_dt=next_dt, error=error)

    def _both(
        self, law: Law, state: Species, tau: float, mobilities: Mapping[str, float]
    ) -> tuple[Species, Species, StepInfo, Status, int]:
        """One step and two halves: their ends, the last info, the first trouble, and the iterations of all."""
        coarse, _, info = self.scheme.step(law, state, tau, mobilities, None)
        infos: list[Any] = [info]
        fine = state
        for _ in range(2):
            if not infos[-1].status.ok:
                break
            fine, _, info = self.scheme.step(law, fine, tau / 2, mobilities, None)
            infos.append(info)
        status = next((one.status for one in infos if not one.status.ok), Status.CONVERGED)
        return coarse, fine, infos[-1], status, sum(one.iterations for one in infos)


def _apart(a: Species, b: Species, mobilities: Mapping[str, float]) -> float:
    return float(np.sqrt(sum(wasserstein2(a[name], b[name]) ** 2 / mobilities[name] for name in a)))
