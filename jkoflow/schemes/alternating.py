"""Masses and fields in turn."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from .._status import Status
from ..fields import Field
from ..laws import Combination, Law
from ..measures import Density, Quantiles, Species, State
from ._step_scheme import SafeStepScheme, info_of, proximal_step, warn_of_concentration
from .base import Carry, Taken
from .fields import steering_arrays, steering_potentials
from .problem import Problem


@dataclass(frozen=True)
class Alternating(SafeStepScheme):
    """Masses and fields in turn, of order 1: for laws with fields that are no gradient flow.

    1. Every species takes a JKO step in the fields of the start, and in the frozen cross terms (``frozen_at``).
    2. The fields relax, exactly in time, with sources that go linearly from the masses before to the masses after.

    Any steering and secretion is taken: consumption, one species that secretes and another that follows, profiles of several
    kinds. The step of masses is that of SemiImplicitJKO. Where masses and fields are one gradient flow, JKO takes both in one
    step, and its energy never rises.

    Condition: dt resolves the answer of the masses to the fields, dt^2 eta sigma rho k^2 < 1 for waves of wave number k that
    the profile of secretion lets through.

    Parameters
    ----------
    solver, fallback, each_step
        As for JKO.

    Source: Lie splitting; Hundsdorfer and Verwer, Numerical solution of time-dependent advection-diffusion-reaction equations
    (2003), IV.1.

    >>> import numpy as np, jkoflow as jf
    >>> grid = jf.Grid.box((0, 1), cells=32)
    >>> eaten = jf.FieldEnergy("c", diffusion=0.1) + (-1.0) * jf.Secretion() + jf.Chemotaxis(0.5)  # cells eat what they follow
    >>> start = jf.State(grid.density(lambda x: 1 + 0 * x), {"c": jf.Field(grid, lambda x: x)})
    >>> flow = jf.evolve(0.1 * jf.Entropy() + eaten, start, scheme=Alternating(), dt=0.01, t_end=0.1)
    >>> bool(flow.final.masses[""].mean > 0.5), bool(flow.final.fields["c"].integral < 0.5)
    (True, True)
    """

    order: ClassVar[float] = 1
    needs_energy: ClassVar[bool] = False
    takes_fields: ClassVar[bool] = True

    def filled_in(self, law: Law, state: Species) -> Alternating:
        return super().filled_in(law.without_fields.frozen_at(state), state)

    def begin(self, problem: Problem, state: State, dt: float, carry: Carry) -> Carry:
        if not issubclass(state.masses.kind, Density | Quantiles):
            raise ValueError(f"Alternating takes Density and Quantiles, got {state.masses.kind.__name__}: take Overdamped")
        for name in problem.law.field_names:
            if not isinstance(state.fields[name], Field):
                raise ValueError(f"field {name!r} must be a Field on a box, got {state.fields[name]!r}")
        self.check(proximal_step(_frozen(problem.at(state.time + dt), state), state.masses, dt))
        return {}

    def step(self, problem: Problem, state: State, dt: float, carry: Carry) -> Taken:
        instant = problem.at(state.time + dt)
        answer, solver = self.solved(proximal_step(_frozen(instant, state), state.masses, dt))
        if answer.status.ok and not instant.forms.signals.hold(state.fields, answer.state):
            answer = replace(answer, state=state.masses, status=Status.LEFT_DOMAIN)
        if answer.status.ok and instant.forms.internal:
            warn_of_concentration(state.masses, answer.state)
        signals = instant.forms.signals
        fields = signals.after(state.fields, dt, state.masses, answer.state)
        info = info_of([answer], answer.distances, instant, dt, solver)
        info = replace(info, dissipation=info.dissipation + signals.dissipation(fields, answer.state))
        return Taken(state.after(dt, answer.state, fields), {}, info)


def _frozen(problem: Problem, state: State) -> Problem:
    """The problem of the masses in the fields of a state."""
    law = problem.law.without_fields.frozen_at(state.masses)
    if issubclass(state.masses.kind, Density):
        parts = [part for term in steering_arrays(problem, state.fields) for part in term.terms]
        return Problem(Combination((*law.terms, *parts)), problem.mobility)
    return Problem(law + steering_potentials(problem, state.fields), problem.mobility)
