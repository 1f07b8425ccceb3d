"""Particles with noise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from ..._log import log
from ..._status import Status
from ..._typing import Array, Indices
from ...clouds import Forces
from ...laws import Combination, Law
from ...laws.forms import Internal
from ...measures import MovingParticles, Particles, Species, State
from ..base import Carry, Scheme, StepInfo, Taken
from ..problem import Problem
from .inertia import DampedMotion

_ROWS = "rows of noise of "  # the carry: which of the random numbers are whose, after some have left through doors
_SEEDS = 2**63 - 1


@dataclass(frozen=True)
class Langevin(Scheme):
    """Particles with noise: ``D * Entropy()`` in the law is diffusion with the coefficient D.

    As their number grows, the particles of a law follow the flow that the same law drives on a Density: the Fokker-Planck
    equation, with interactions the McKean-Vlasov equation.

    * On ``Particles``:       dX = F dt + (2 alpha D)^(1/2) dW,   with F = -alpha grad dE/d rho of the other terms.
    * On ``MovingParticles``: dX = V dt,  dV = F dt - gamma V dt + (2 gamma alpha D)^(1/2) dW,   with the gamma of ``Friction``,
      which every species with noise must have, and ``Alignment``.

    For particles without velocities the scheme is X + dt F(X) + (2 alpha D dt)^(1/2) (R + R') / 2, where R and R' are standard
    normal numbers, and R' is the R of the next step. In the first step R has the factor 3^(1/2): then free particles spread
    by 2 alpha D t from the start, in equal steps. Its weak order is 1, and its states of rest are right to order 2 (exact in
    a harmonic well). With velocities it is the splitting of half a step of alignment (exact at places that stay), half
    a kick, half a drift, the exact noise and friction, and the same back. Its weak order is 2.

    Fields (FieldEnergy, Secretion, Chemotaxis) relax exactly in time, with sources that go linearly from the places before to
    the places after. Each particle feels its own trail. With D * Entropy() the limit of many particles is Keller and Segel's
    system.

    Random numbers come from the seed and a counter of steps, which are in the carry. So a run is continued to the last bit.
    ``distances`` are those of the motion with its noise, (sum m |dx|^2)^(1/2). The energy is NaN: point masses have no entropy.

    Parameters
    ----------
    seed : int, optional
        Without it a seed is drawn, logged, and kept in the carry (``flow.carry["noise"][0]``).

    Raises ValueError for a seed that is no whole number >= 0, other measures, internal energies other than the entropy, an
    entropy with a negative coefficient, and noise on velocities without friction.

    Source: Leimkuhler and Matthews, Rational construction of stochastic numerical methods for molecular sampling (2013).

    >>> import numpy as np, jkoflow as jf
    >>> law = 0.5 * jf.Entropy() + jf.Potential(lambda x: x**2 / 2)
    >>> flow = jf.evolve(law, jf.Particles(np.zeros(20000)), scheme=Langevin(seed=1), dt=0.1, t_end=4.0)
    >>> bool(abs(flow.final.covariance - 0.5) < 0.02)                              # the Gaussian of variance D
    True
    """

    seed: int | None = None
    order: ClassVar[float] = 1
    needs_energy: ClassVar[bool] = False
    takes_fields: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if self.seed is None:
            return
        if isinstance(self.seed, bool) or not isinstance(self.seed, int | np.integer) or not 0 <= self.seed <= _SEEDS:
            raise ValueError(f"seed must be a whole number from 0 to {_SEEDS}, or None, got {self.seed!r}")
        object.__setattr__(self, "seed", int(self.seed))

    def begin(self, problem: Problem, state: State, dt: float, carry: Carry) -> Carry:
        instant = problem.at(state.time)
        if not issubclass(state.masses.kind, Particles | MovingParticles):
            raise ValueError(f"Langevin takes Particles and MovingParticles, got {state.masses.kind.__name__}: take JKO()")
        rest, diffusions = _split(instant.law, state.masses)
        forces = Forces.of(rest, _with_velocities(state.masses), instant.mobilities)
        if issubclass(state.masses.kind, Particles) and (forces.pulls or forces.damping.any()):
            raise ValueError("Alignment and Friction act on velocities: take MovingParticles")
        for k, name in enumerate(state.masses):
            if issubclass(state.masses.kind, MovingParticles) and diffusions[k] > 0 and forces.damping[k] == 0:
                raise ValueError(
                    f"species {name!r} has noise and no friction, so it would heat up for ever: add Friction(gamma)"
                )
        if "noise" in carry:
            kept = (_ROWS + name for name in state.masses)
            return {"noise": carry["noise"], **{name: carry[name] for name in kept if name in carry}}
        seed = int(np.random.default_rng().integers(_SEEDS)) if self.seed is None else self.seed
        if self.seed is None:
            log.info("Langevin: drew the seed %d", seed)
        return {"noise": np.array([seed, 0])}

    def step(self, problem: Problem, state: State, dt: float, carry: Carry) -> Taken:
        instant = problem.at(state.time + dt / 2)  # of order 2 for a law that depends on time
        rest, diffusions = _split(instant.law, state.masses)
        moving = _with_velocities(state.masses)
        forces = Forces.of(rest, moving, instant.mobilities)
        strengths = diffusions * forces.places.mobilities
        seed, count = (int(number) for number in carry["noise"])
        measures = list(moving.values())
        x, v, m = ([getattr(p, part) for p in measures] for part in ("points", "velocities", "masses"))
        rows = _rows(state.masses, carry)
        now, used, status, fields = _normal(seed, count, x, rows), 1, Status.CONVERGED, state.fields
        with np.errstate(over="ignore", invalid="ignore"):  # the status tells
            if issubclass(state.masses.kind, Particles):
                later = _normal(seed, count + 1, x, rows)
                pulls = forces.of_places(x, m, state.time, fields)
                first = np.sqrt(3.0) if count == 0 else 1.0
                before, x = (
                    x,
                    [
                        xk + dt * f + np.sqrt(2 * s * dt) * (first * a + b) / 2
                        for xk, f, s, a, b in zip(x, pulls, strengths, now, later, strict=True)
                    ],
                )
                fields = forces.fields_after(fields, dt, m, before, x)
            else:
                motion = DampedMotion(instant, forces, m, [1.0] * len(m), 0.0)
                kicked, used = _kicked(motion, x, v, state.time, dt, strengths, now, fields), 2
                if kicked is None:
                    status = Status.SOLVER_FAILED
                else:
                    x, v, fields = kicked
        if not all(np.isfinite(part).all() for part in (*x, *v)):
            status = Status.NOT_FINITE
        masses = state.masses
        if status.ok:
            parts = x if issubclass(masses.kind, Particles) else list(zip(x, v, strict=True))
            masses = masses.like(dict(zip(masses, parts, strict=True)))
            if not rest.forms.signals.hold(fields, masses):
                masses, status = state.masses, Status.LEFT_DOMAIN
        distances = {name: masses[name].moved_from(state.masses[name]) for name in masses}
        info = StepInfo(distances, status, evaluations=used)
        fields = fields if status.ok else state.fields
        kept = {name: array for name, array in carry.items() if name.startswith(_ROWS)}
        return Taken(state.after(dt, masses, fields), {"noise": np.array([seed, count + 1]), **kept}, info)

    def carry_of_the_rest(self, carry: Carry, before: Species, staying: Mapping[str, Indices]) -> Carry:
        """The noise of those that stay goes on as if the others were there."""
        rows = dict(zip(before, _rows(before, carry), strict=True))
        return {"noise": carry["noise"], **{_ROWS + name: rows[name][stay] for name, stay in staying.items()}}

    def energy(self, problem: Problem, state: State) -> float:
        return float("nan")


def _split(law: Law, state: Species) -> tuple[Law, Array]:
    """The law without its entropies, and the diffusion coefficient of every species."""
    names, rest = list(state), []
    diffusions = np.zeros(len(names))
    for factor, form, term in law.forms.entries:
        if not isinstance(form, Internal):
            rest.append((factor, term))
            continue
        if form.powers or form.others:
            raise ValueError(f"{term!r} has no meaning as noise: Langevin takes Entropy among the internal energies")
        diffusions[names.index(form.species)] += factor * form.entropy
    if diffusions.min() < 0:
        raise ValueError(f"the coefficient of Entropy must be >= 0, got {diffusions.min():g}")
    return Combination(tuple(rest)), diffusions


def _with_velocities(state: Species) -> Species:
    """The state as MovingParticles: particles without velocities rest."""
    if issubclass(state.kind, MovingParticles):
        return state
    return Species({name: MovingParticles(p.points, np.zeros_like(p.points), p.masses) for name, p in state.items()})


def _rows(masses: Species, carry: Carry) -> list[Indices]:
    """Which row of the random numbers is whose, by species: at the start one after the other."""
    ends = np.cumsum([len(measure.masses) for measure in masses.values()])
    starts = [0, *ends[:-1]]
    return [carry.get(_ROWS + name, np.arange(a, b)) for name, a, b in zip(masses, starts, ends, strict=True)]


def _normal(seed: int, count: int, like: list[Array], rows: list[Indices]) -> list[Array]:
    """The standard normal numbers of one step, the same whenever they are asked for."""
    rng = np.random.default_rng([seed, count])
    drawn = rng.standard_normal((1 + max(int(row.max(initial=0)) for row in rows), *like[0].shape[1:]))
    return [drawn[row] for row in rows]


def _kicked(
    motion: DampedMotion,
    x: list[Array],
    v: list[Array],
    time: float,
    h: float,
    strengths: Array,
    noise: list[Array],
    fields: Mapping[str, Any],
) -> tuple[list[Array], list[Array], Mapping[str, Any]] | None:
    """Half a step of alignment, half a kick, half a drift, the exact noise and friction, and back; None if that fails.

    The fields relax over the whole step, with sources on the way from the places before to those after.
    """
    forces, m, before = motion.forces, motion.masses, x
    align = replace(motion, forces=replace(forces, damping=np.zeros_like(forces.damping)))
    aligned = align.phis(align.drag_at(x), h / 2, 1)(v)
    if aligned is None:
        return None
    v = [vk + h / 2 * f for vk, f in zip(aligned[0], forces.of_places(x, m, time, fields), strict=True)]
    x = [xk + h / 2 * vk for xk, vk in zip(x, v, strict=True)]
    decays = np.exp(-forces.damping * h)
    v = [
        decay * vk + np.sqrt(strength * (1 - decay**2)) * r
        for decay, strength, vk, r in zip(decays, strengths, v, noise, strict=True)
    ]
    x = [xk + h / 2 * vk for xk, vk in zip(x, v, strict=True)]
    fields = forces.fields_after(fields, h, m, before, x)
    v = [vk + h / 2 * f for vk, f in zip(v, forces.of_places(x, m, time + h, fields), strict=True)]
    aligned = align.phis(align.drag_at(x), h / 2, 1)(v)
    return None if aligned is None else (x, aligned[0], fields)
