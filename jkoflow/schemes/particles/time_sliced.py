"""Forces that are frozen over slices of time: the construction by which the Vlasov equation is solved on paper."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ..._validate import positive_integer
from ...clouds import Forces
from ...measures import State
from ..base import Carry
from ..problem import Problem
from .inertia import Advanced, InertialScheme, Parts

Rate = Callable[[Parts, Parts, float], tuple[Parts, Parts]]
"""From places, velocities and the time to their derivatives."""


@dataclass(frozen=True)
class TimeSliced(InertialScheme):
    """Particles with inertia in forces that are frozen over every step: the slices of existence proofs. Of order 1 in dt.

        x' = v,   v' = sum_j m_j psi(|x - y_j|) (w_j - v) + eta grad c(x) - grad V(x) - ...

    with the places y_j, the velocities w_j and the fields c of the start of the step. So all particles move in one given
    force, and the density is transported exactly. The fields relax meanwhile, made by the particles as they move.

    It is here to be compared with: Inertial costs the same and is of order 2. For constant psi without field and external
    force it is exact up to the Runge-Kutta method, because the mean velocity stays.

    Parameters
    ----------
    substeps : int
        The steps of the Runge-Kutta method of order 4 within a slice.

    Raises ValueError as Inertial. ``epsilon`` is as there.

    Cost: 4 ``substeps`` evaluations of the force per step.

    Source: Piccoli, Rossi, Trelat, Control to flocking of the kinetic Cucker-Smale model (2015); Natalini and Paul, proof of
    Theorem 8.1; docs/theory/chemotaxis.md, section 2.6.

    >>> import jkoflow as jf
    >>> pair = jf.MovingParticles([0.0, 1.0], [1.0, -1.0])
    >>> flow = jf.evolve(jf.Alignment(lambda r: 1 + 0 * r), pair, scheme=TimeSliced(), dt=0.01, t_end=1.0)
    >>> flow.final.velocities.round(3)                                             # the mean velocity is 0: exact
    array([ 0.368, -0.368])
    """

    substeps: int = 4
    order: ClassVar[float] = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        positive_integer("substeps", self.substeps)

    def advanced(self, problem: Problem, state: State, dt: float, carry: Carry) -> Advanced:
        forces = Forces.of(problem.law, state.masses, problem.mobilities_at(state.time))
        epsilons = self.epsilons(state.masses)
        x0, v0, m = ([getattr(p, part) for p in state.masses.values()] for part in ("points", "velocities", "masses"))

        def rate(x: Parts, v: Parts, time: float) -> tuple[Parts, Parts]:
            of_places = forces.of_places(x, m, time, state.fields, sources=x0)
            aligned = forces.alignment(x, v, m, sources=(x0, v0))
            parts = zip(of_places, aligned, v, forces.damping + self.drag, epsilons, strict=True)
            return v, [(f + g - gamma * u) / epsilon for f, g, u, gamma, epsilon in parts]

        x, v, fields, h = x0, v0, state.fields, dt / self.substeps
        for k in range(self.substeps):
            before = x
            x, v = _runge_kutta(rate, x, v, state.time + k * h, h)
            fields = forces.fields_after(fields, h, m, before, x)
        return Advanced(x, v, {}, 4 * self.substeps, fields=fields)


def _runge_kutta(rate: Rate, x: Parts, v: Parts, time: float, h: float) -> tuple[Parts, Parts]:
    """One step of the classical method of order 4."""

    def ahead(c: float, slopes: tuple[Parts, Parts]) -> tuple[Parts, Parts]:
        return _sum([(1.0, (x, v)), (c, slopes)])

    first = rate(x, v, time)
    second = rate(*ahead(h / 2, first), time + h / 2)
    third = rate(*ahead(h / 2, second), time + h / 2)
    fourth = rate(*ahead(h, third), time + h)
    return _sum([(1.0, (x, v)), (h / 6, first), (h / 3, second), (h / 3, third), (h / 6, fourth)])


def _sum(terms: list[tuple[float, tuple[Parts, Parts]]]) -> tuple[Parts, Parts]:
    """The sum of multiples of places and velocities."""
    x, v = ([np.asarray(sum(c * pair[k][a] for c, pair in terms)) for a in range(len(terms[0][1][k]))] for k in (0, 1))
    return x, v
