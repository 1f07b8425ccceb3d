"""Whether the blur of entropic transport hides the motion of a step."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ...._status import Status, UnresolvedWarning
from ....grids import on_faces
from ....measures import Species
from ...base import ProximalStep, ProxResult
from ...verification import cost, energies, margin
from ..local_energy import GridEnergy, LocalEnergy
from ..translations import Translation

_SHARE = 0.25  # of epsilon: a step that spreads mass by less, as tau alpha D, is below the blur
_RISE = 0.5  # of the cost of transport: the rise of an energy that shows the blur
_ROUNDING = 1e-6  # relative: what the tolerance may add to a maximum, or to the change of a density
_BELOW, _MORE = 0.5, 4.0  # of a cell: a motion that is below it; of what a motion makes: a change that is not its own


def with_resolution(
    step: ProximalStep, answer: ProxResult, epsilon: float, translation: Translation | None = None
) -> ProxResult:
    """Return the answer, with the status UNRESOLVED and its warning if the blur shows.

    The blur of a plan has the variance epsilon / 2 along every axis. It shows

    * if tau alpha D < epsilon / 4, where D = U''(rho) rho is the diffusivity of a species at its largest density;
    * if the energy of the answer is above that of the anchor, by more than half of the cost of transport;
    * if the largest density rises, under internal energies alone, which never raise it;
    * if a species that no internal energy spreads moves by less than half a cell, and its density changes by more than four
      times what this motion makes, the divergence of rho grad of its potential;
    * if a ``translation`` of species by cells would lower the objective.
    """
    if not answer.status.ok:
        return answer
    energy = GridEnergy.of(step.forms, step.anchor)
    spreads = [step.weight(name) * _diffusivity(local, step.anchor, name) for name, local in energy.local.items()]
    reasons = []
    if any(0 < spread < _SHARE * epsilon for spread in spreads):
        least = min(spread for spread in spreads if spread > 0)
        reasons.append(f"tau times the diffusivity is {least:.2g}, below epsilon / 4 = {_SHARE * epsilon:.2g}")
    before, after = energies(step, answer)
    if after.energy > before.energy + _RISE * cost(step, answer) + margin(step, answer, before, after):
        reasons.append(f"the energy rose from {before.energy:.6g} to {after.energy:.6g}")
    only_internal = not (step.forms.external or step.forms.pairs or energy.joint or step.forms.bounds or step.forms.obstacles)
    tops = {name: (float(step.anchor[name].values.max()), float(answer.state[name].values.max())) for name in answer.state}
    if only_internal and any(after > before * (1 + _ROUNDING) for before, after in tops.values()):
        reasons.append("the largest density rose under diffusion alone")
    if any(spread == 0 and _is_blur(step, answer, name) for spread, name in zip(spreads, energy.local, strict=True)):
        reasons.append("it changes a density by far more than its motion, below half a cell, can")
    if translation is not None:
        reasons.append(f"its objective falls if what it has drawn together moves by {abs(translation.cells)} cells")
    if not reasons:
        return answer
    words = (
        f"Entropic does not resolve this step: {'; '.join(reasons)}. Take a larger dt, more cells or a smaller epsilon, or an "
        "exact solver (JKO() takes one)"
    )
    return replace(answer, status=Status.UNRESOLVED, warning=UnresolvedWarning(words))


def _diffusivity(local: LocalEnergy, state: Species, name: str) -> float:
    """U''(rho) rho at the largest density; 0 without an internal energy."""
    top = state[name].values.max(keepdims=True)
    return float((local.curvature(top) * top).max()) if local.strictly_convex else 0.0


def _is_blur(step: ProximalStep, answer: ProxResult, name: str) -> bool:
    """Return True if a density changes by far more than the gradient of its potential moves it, by less than half a cell."""
    grid, before, after = step.grid, step.anchor[name].values, answer.state[name].values
    made, ways = np.zeros(grid.shape), 0.0
    for axis, h in enumerate(grid.spacing):
        density = on_faces(grid, after, axis, lambda one, other: (one + other) / 2)
        move = on_faces(grid, answer.potentials[name], axis, np.subtract) / h
        made += np.diff(density * move, axis=axis) / h
        ways += float((density * move**2).sum())
    far = ways > (_BELOW * min(grid.spacing)) ** 2 * float(after.sum())
    change, possible = float(np.abs(after - before).sum()), float(np.abs(made).sum())
    return not far and change > _MORE * possible + _ROUNDING * float(before.sum())
