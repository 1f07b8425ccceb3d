"""The JKO step of ordered particles."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ..._status import Status
from ..._typing import Array
from ..._validate import finite_array
from ...laws import Entry
from ...laws.forms import External, Form, Pair, Positions
from ...measures import Measure, OrderedParticles, OrderedPoints, Species
from ...ordered import TipLaw, tip_resolvent
from ..base import IterativeSolver, ProximalStep, ProxResult
from .slopes import is_made_of_tips, jitter, smooth_part
from .step import answer, distance, farthest

_SHORTEST, _LONGEST = 1e-14, 1e6  # tau: the least and the largest step s of the iteration
_LONGER = 20  # iterations after which a step s twice as long is tried again


@dataclass(frozen=True)
class OrderedResolvent(IterativeSolver):
    """The JKO step of ordered particles, which is implicit Euler in the metric sum_i m_i |z_i|^2 / alpha_i.

        minimise over ordered positions   sum_i m_i |z_i - z_i^0|^2 / (2 tau alpha_i) + E(Z)

    There are three kinds of laws:

    * Laws of |x| alone, such as ``newtonian_law()``, are solved exactly: by one sweep for equal masses, otherwise by a lower
      convex hull (see ``resolvent``).
    * Smooth potentials and smooth convex interactions may be added. The step is then solved by proximal gradient steps with
      momentum. Each of them takes the tips and the order exactly, by isotonic regression if no tip couples two species.
    * A single ConvexFunction with a resolvent is solved by that resolvent.

    Parameters
    ----------
    tolerance : float
        The iteration ends when the bound on the distance to the minimiser is below this share of the extent of the particles.
    max_iterations : int

    Notes
    -----
    It converges for every convex E. The contraction per iteration is 1 / (1 + s / tau) at worst, where s is about 1 over the
    Lipschitz constant of the smooth part.

    ``residual`` is tau / s times the last correction, a product distance. If E is convex, it bounds the error.

    Cost per iteration: O(N) for potentials and the kernels |x|, even powers and Morse; O(N^2) for others.

    Source: docs/theory/newtonian-particles.md, section 2.7; the momentum, Nesterov (2013).

    >>> import jkoflow as jf
    >>> step = jf.ProximalStep(jf.newtonian_law(), jf.OrderedParticles(x=[-1.0], y=[1.0]), tau=0.25)
    >>> OrderedResolvent().solve(step).state["x"].points
    array([-0.75])
    """

    tolerance: float = 1e-12
    max_iterations: int = 5000
    solves: ClassVar[str] = "the exact step of indivisible particles in their order"
    measures: ClassVar[tuple[type[Measure], ...]] = (OrderedPoints,)
    takes: ClassVar[tuple[type[Form], ...]] = (External, Pair, Positions)

    def prepare(self, step: ProximalStep) -> None:
        self.must_take(step)
        alone = _by_resolvent(step)
        if alone is None:
            TipLaw.part_of(step.energy, step.anchor, step.mobilities)
            smooth_part(step.forms, step.anchor)
        elif alone.factor < 0 or len({step.mobilities[name] for name in alone.form.species}) > 1:
            raise ValueError(f"{alone.term!r} by its resolvent needs a coefficient >= 0 and one mobility for all its species")

    def solve(self, step: ProximalStep) -> ProxResult:
        self.prepared(step)
        alone = _by_resolvent(step)
        if alone is not None:
            return answer(step, _applied(step, alone), Status.CONVERGED, 1, 0.0)
        tips = TipLaw.part_of(step.energy, step.anchor, step.mobilities)
        if is_made_of_tips(step.forms):
            return answer(step, tip_resolvent(tips, step.anchor, step.tau), Status.CONVERGED, 1, 0.0)
        return self._iterate(step, tips)

    def _iterate(self, step: ProximalStep, tips: TipLaw) -> ProxResult:
        """The step by proximal gradient steps of length s, with momentum."""
        z = last = step.anchor
        extent = max(float(np.ptp(np.concatenate([cloud.points for cloud in z.values()]))), 1e-300)
        tau, s, momentum = step.tau, step.tau, 1.0
        status, residual, iterations = Status.ITERATION_LIMIT, np.inf, 0
        while iterations < self.max_iterations:
            iterations += 1
            q = s / (s + tau)
            ahead = _further(z, last, momentum * (1 - np.sqrt(q)) / (1 + np.sqrt(q)))
            value, slopes = smooth_part(step.forms, ahead)
            if not np.isfinite(value):
                status = Status.NOT_FINITE
                break
            s = min(2 * s, _LONGEST * tau) if iterations % _LONGER == 0 else s
            new = self._lower(step, tips, ahead, value, slopes, s)
            if new is None:
                status = Status.STALLED
                break
            reached, s = new
            residual = tau / s * distance(step, reached, ahead)
            momentum = 0.0 if _turned_back(step, reached, ahead, z) else 1.0
            last, z = z, reached
            scale = max(extent, farthest(z, step.anchor))
            top = max(float(np.abs(cloud.points).max()) for cloud in z.values())
            noise = tau / s * float(np.spacing(top)) + tau * max(step.mobilities.values()) * jitter(step.forms, z)
            if tau / s * farthest(reached, ahead) <= self.tolerance * scale + 8 * noise:
                status = Status.CONVERGED
                break
        return answer(step, z, status, iterations, residual)

    def _lower(
        self, step: ProximalStep, tips: TipLaw, at: Species, value: float, slopes: dict[str, Array], s: float
    ) -> tuple[OrderedParticles, float] | None:
        """Return the state after a proximal gradient step, and its length s; None if there is no such step.

        s is halved until the smooth part lies below its parabola: value + slopes (z - at) + |z - at|^2 / (2 s).
        """
        while s > _SHORTEST * step.tau:
            places = {}
            for name, cloud in at.items():
                forward = cloud.points - s * step.mobilities[name] * slopes[name]
                places[name] = (s * step.anchor[name].points + step.tau * forward) / (s + step.tau)
            reached = _back(tips, at, places, step.tau * s / (step.tau + s))
            if reached is not None:
                room = distance(step, reached, at) ** 2 / (2 * s)
                there, turned = smooth_part(step.forms, reached)
                lower, rise = there - value - room, 0.0
                for name, cloud in at.items():
                    way = cloud.masses * (reached[name].points - cloud.points)
                    lower -= float(way @ slopes[name])
                    rise += float(way @ (turned[name] - slopes[name]))
                if lower <= 0 or rise <= room:  # the second says the same of slopes, where rounding hides it in the values
                    return reached, s
            s /= 2
        return None


def _by_resolvent(step: ProximalStep) -> Entry[Positions] | None:
    """The term of a law of one term, if it is a convex function with a resolvent; else None."""
    alone = len(step.forms.entries) == 1 and step.forms.positions
    return alone[0] if alone and alone[0].form.resolvent is not None else None


def _applied(step: ProximalStep, entry: Entry[Positions]) -> OrderedParticles:
    """The step by the resolvent of a convex function. Species that the function does not involve stay.

    Raises ValueError if the resolvent leaves out a species, or gives positions that are not finite or out of order.
    """
    function = entry.form
    assert function.resolvent is not None
    given = function.resolvent(step.anchor, entry.factor * step.weight(function.species[0]))
    places = {name: cloud.points for name, cloud in step.anchor.items()}
    for name in function.species:
        if name not in given:
            raise ValueError(f"resolvent of {entry.term!r} must give positions of species {name!r}, got {list(given)}")
        places[name] = finite_array(f"resolvent of {name!r}", given[name], places[name].shape)
        if np.any(np.diff(places[name]) < 0):
            raise ValueError(f"resolvent of {entry.term!r} must give non-decreasing positions, and those of {name!r} are not")
    return OrderedParticles({name: (z, step.anchor[name].masses) for name, z in places.items()})


def _back(tips: TipLaw, at: Species, places: dict[str, Array], tau: float) -> OrderedParticles | None:
    """The resolvent of the tips and of the order, from any places.

    None if the places are out of order and a tip couples two species: from there it is not known.
    """
    from scipy.optimize import isotonic_regression

    if tips.strengths[1] == 0:
        out = {}
        for name, s, alpha in zip(tips.species, (tips.strengths[0], tips.strengths[2]), tips.mobilities, strict=False):
            m = at[name].masses
            pulled = places[name] - tau * alpha * s * (2 * np.cumsum(m) - m - m.sum())
            out[name] = OrderedPoints(isotonic_regression(pulled, weights=m).x, m)
        return OrderedParticles(out)
    if any(np.any(np.diff(z) < 0) for z in places.values()):
        return None
    return tip_resolvent(tips, OrderedParticles({name: (z, at[name].masses) for name, z in places.items()}), tau)


def _further(z: Species, last: Species, share: float) -> Species:
    """z + share (z - last), or z if that is out of order."""
    if z is last or share == 0:
        return z
    places = {name: cloud.points + share * (cloud.points - last[name].points) for name, cloud in z.items()}
    if any(np.any(np.diff(p) < 0) for p in places.values()):
        return z
    return OrderedParticles({name: (p, z[name].masses) for name, p in places.items()})


def _turned_back(step: ProximalStep, reached: Species, ahead: Species, z: Species) -> bool:
    """True if the step from ``ahead``, where the momentum led, goes against the way from z: then the momentum is dropped."""
    return (
        sum(
            float(cloud.masses @ ((reached[name].points - ahead[name].points) * (reached[name].points - cloud.points)))
            / step.mobilities[name]
            for name, cloud in z.items()
        )
        < 0
    )
