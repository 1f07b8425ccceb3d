"""How far velocities are from those of first order: the velocity defect and the modulated energy."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from ..._typing import Array
from ..._validate import finite, positive
from ...laws import Law
from ...measures import Measure, Species, complete_mobilities
from ...trajectory import Trajectory
from ...transport import wasserstein
from ..report import Report
from ..two_runs import must_have_same_times
from .differences import energy_distance
from .fields import first_order_velocities, spread_about


def velocity_defect(flow: Trajectory, law: Law) -> Report:
    """Report I_i(t) = int int |v - u_i(x)| f_i, where u_i = -alpha_i grad dE/d rho_i is the velocity of first order.

    u_i belongs to the densities of places of ``flow`` itself. The defect has a layer of the length epsilon at the start, and is
    of order epsilon behind it. ``worst`` is NaN.

    The measures must be MovingParticles or PhaseDensity. Raises ValueError for others, and for laws on velocities.

    Source: (17) and Proposition 3.3 of Choi, Fagioli, Iorio, corrected in docs/theory/small-inertia.md, section 3.4.

    >>> import jkoflow as jf
    >>> well = jf.Potential(lambda x: x**2 / 2)
    >>> flow = jf.evolve(well, jf.MovingParticles([1.0], [0.0]), scheme=jf.Inertial(0.01), dt=0.01, t_end=0.5)
    >>> [bool(share < 0.02) for share in velocity_defect(flow, well).curves[""][[0, 20, 50]]]
    [False, True, True]
    """
    curves = _along(flow, flow, law, lambda measure, u: spread_about(measure, u, 1))
    return Report("velocity defect", flow.times, curves)


def modulated_energy(flow: Trajectory, limit: Trajectory, law: Law, epsilon: float) -> Report:
    """Report the modulated energy of a run with inertia about a run of first order, and its parts.

        kinetic part       sum_i 1/2 int int |v - u_i(x)|^2 f_i,      u_i the velocity field of ``limit``
        interaction part   sum_i int (rho_i - r_i) K_ii * (rho_i - r_i)
        modulated energy   kinetic part + interaction part / (2 epsilon)

    rho_i are the densities of ``limit``, r_i those of the places of ``flow``. K_ii are the kernels by which species act on
    themselves. ``limit`` has the same law, times and species: of Particles for MovingParticles, of a Density on
    the same grid for PhaseDensity. ``worst`` is NaN.

    For a repulsive singular kernel the interaction part is >= 0. Between point masses it is infinite: ValueError says so.
    Take a Plummer kernel, or densities.

    Raises ValueError for other measures, runs at different times, laws on velocities, and epsilon <= 0.

    Source: proof of Theorem 2.2 of Choi, Fagioli, Iorio, corrected in docs/theory/small-inertia.md, sections 2.5 and 4.2.

    >>> import jkoflow as jf
    >>> well = jf.Potential(lambda x: x**2 / 2)
    >>> first = jf.evolve(well, jf.Particles([1.0]), scheme=jf.Overdamped(), dt=0.1, t_end=1.0)
    >>> flow = jf.evolve(well, jf.MovingParticles([1.0], [-1.0]), scheme=jf.Inertial(0.01), dt=0.1, t_end=1.0)
    >>> bool(modulated_energy(flow, first, well, 0.01).curves["kinetic part"][-1] < 1e-4)      # of order epsilon^2
    True
    """
    must_have_same_times(flow, limit)
    positive("epsilon", epsilon)
    kinetic = sum(_along(flow, limit, law, lambda measure, u: spread_about(measure, u, 2) / 2).values())
    interaction = np.zeros(len(flow))
    pairs = list(zip(flow.snapshots, limit.snapshots, strict=True))
    for name, by, factor, kernel in law.forms.motions:
        if name == by:
            distances = [energy_distance(state[name].places, first[name].places, kernel) for state, first in pairs]
            interaction += factor * np.array(distances)
    total = kinetic + interaction / (2 * epsilon)
    curves = {"modulated energy": total, "kinetic part": np.asarray(kinetic), "interaction part": interaction}
    return Report("modulated energy", flow.times, curves)


def monokinetic_bound(
    state: Species, limit: Species, law: Law, lipschitz: float, mobility: Mapping[str, float] | None = None
) -> dict[str, float]:
    """Return, for every species, a bound on the distance of f to the limit rho delta(v - u) with one velocity at each place.

        |int int phi d(f - rho delta_u)|  <=  int int |v - u| f  +  (1 + lipschitz) W1(r, rho)

    for every test function phi with Lipschitz constant 1: the bounded-Lipschitz distance, and W1 on phase space, are at most
    this. r is the density of places of f. ``lipschitz`` is a bound on |grad u|, which the caller knows.

    Raises ValueError as ``modulated_energy``, and for ``lipschitz`` < 0.

    Source: docs/theory/small-inertia.md, section 2.5.

    >>> import jkoflow as jf
    >>> well = jf.Potential(lambda x: x**2 / 2, gradient=lambda x: x)
    >>> round(monokinetic_bound(jf.MovingParticles([1.1], [-1.0]), jf.Particles([1.0]), well, lipschitz=1.0)[""], 12)
    0.3
    """
    if finite("lipschitz", lipschitz) < 0:
        raise ValueError(f"lipschitz must be >= 0, got {lipschitz!r}")
    measures, first = Species.of(state), Species.of(limit)
    fields = first_order_velocities(law, first, measures, complete_mobilities(mobility, measures))
    return {
        name: spread_about(f, fields[name], 1) + (1 + lipschitz) * float(wasserstein(f.places, first[name].places, p=1))
        for name, f in measures.items()
    }


def _along(flow: Trajectory, source: Trajectory, law: Law, ask: Callable[[Measure, Array], float]) -> dict[str, Array]:
    """A number of every species about the velocities of first order of ``source``, at every time."""
    given = flow.record.description.given
    if any(given.get(name) is None for name in flow.snapshots[0]):
        raise ValueError("flow must have mobilities that are numbers: those that depend on time are not recorded")
    rows = []
    for state, by, time in zip(flow.snapshots, source.snapshots, flow.times, strict=True):
        fields = first_order_velocities(law.at(float(time)), by, state, flow.mobilities)
        rows.append([ask(measure, fields[name]) for name, measure in state.items()])
    return dict(zip(flow.snapshots[0], np.array(rows).T, strict=True))
