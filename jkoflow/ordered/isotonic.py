"""The flow as one projection onto the ordered cone, as long as nothing has crossed."""

from __future__ import annotations

import numpy as np

from .._validate import positive
from ..laws import Law, newtonian_law
from ..measures import Measure, OrderedParticles, Species
from .tip_law import TipLaw
from .velocities import velocity
from .world_lines import WorldLines


def isotonic_flow(state: Measure | Species, time: float, law: Law | None = None) -> OrderedParticles:
    """Return the flow at a time before anything has crossed, by one isotonic regression.

    It is the weighted isotonic regression of z + t v, with all particles z in their order and v their velocities at the start
    (docs/theory/newtonian-particles.md, section 2.8).

    * Up to :func:`first_crossing` it is the flow, and also the resolvent with tau = t.
    * Afterwards it is neither; for equal masses it never is again.
    * One species that attracts itself never crosses anything: for it the formula holds for all times.

    >>> from jkoflow import Interaction, OrderedParticles, PowerLaw
    >>> start = OrderedParticles(x=[0.05, 0.15, 0.25, 0.95])
    >>> isotonic_flow(start, 0.2, Interaction(PowerLaw(1), "x"))["x"].points
    array([0.2, 0.2, 0.2, 0.8])
    """
    from scipy.optimize import isotonic_regression

    tips, state = TipLaw.on(law, state)
    time = positive("time", time)
    v = velocity(state, law)
    z = np.concatenate([state[name].points for name in tips.species])
    speeds = np.concatenate([v[name] for name in tips.species])
    masses = np.concatenate([state[name].masses for name in tips.species])
    order = np.lexsort((speeds, z))
    places = np.empty_like(z)
    places[order] = isotonic_regression((z + time * speeds)[order], weights=masses[order]).x
    ends = np.cumsum([len(state[name].points) for name in tips.species])[:-1]
    return OrderedParticles(
        {name: (part, state[name].masses) for name, part in zip(tips.species, np.split(places, ends), strict=True)}
    )


def first_crossing(state: Measure | Species, law: Law | None = None) -> float:
    """Return the time of the first meeting after which not all go on as one group; inf if there is none.

    Until then :func:`isotonic_flow` is the flow.

    >>> from jkoflow import OrderedParticles
    >>> first_crossing(OrderedParticles(x=[-1.0, -1.0], y=[1.0, 1.0]))
    0.6666666666666666
    >>> first_crossing(OrderedParticles(x=[0.0, 2.0], y=[1.0, 3.0]))
    inf
    """
    law = newtonian_law() if law is None else law
    events = WorldLines(TipLaw.on(law, state)[1], law=law).events
    return float(events.times[~events.stuck][0]) if not events.stuck.all() else np.inf
