"""The balance of energy and dissipation."""

from __future__ import annotations

import numpy as np

from .._arrays import cumulated
from ..trajectory import Trajectory
from .report import Report, must_keep_mass


def energy_dissipation(flow: Trajectory) -> Report:
    """Report the energy lost since the start, and the dissipation: the sum of W2^2 / dt over the steps.

    W2 is the product distance. If the law depends on time, the work that its change has added counts as energy at the start.
    What goes through doors and reservoirs takes energy with it, dE/drho there times the mass (``StepInfo.energy_out``): it is
    not lost.
    How the two compare:

    * Along the flow they are equal: dE/dt = -sum_i int |v_i|^2 d rho_i / alpha_i (docs/theory/two-species.md, section 3.2).
    * The JKO scheme loses at least half of the dissipation, the sum of W2^2 / (2 dt), for any energy and dt. FiniteVolume tells
      W2 to the first order in dt, so that steps from jumps and vacuum may fall short of it.
    * If the energy is convex, the JKO scheme loses at least the whole dissipation
      (docs/theory/two-species.md, section 2.3).

    ``worst`` is the largest shortfall of the energy lost, compared with half the dissipation.

    Raises ValueError for a run without an energy, one with Growth or Advection, and one in which mass with an entropy leaves to
    a density of 0, as through an Exit: it takes an infinite energy with it.

    >>> import jkoflow as jf
    >>> report = energy_dissipation(jf.evolve(jf.Interaction(jf.Quadratic()), jf.Quantiles([0.0, 1.0]), dt=0.1, t_end=1.0))
    >>> bool(report.worst < 1e-12)
    True
    """
    through = np.array([info.energy_out for info in flow.infos])
    must_keep_mass(flow, "energy_dissipation", doors=True)
    if np.isnan(through).any():
        raise ValueError("mass with an entropy leaves to a density of 0 in this run, and takes an infinite energy with it")
    if np.isnan(flow.energies).any():
        raise ValueError("flow must be of a law with an energy: there is none to lose")
    dissipated = cumulated(flow.squared_distances / flow.dts)
    lost = flow.energies[0] + cumulated(flow.work) - cumulated(through) - flow.energies
    curves = {"energy lost": lost}
    bounds = {"sum of W2^2 / dt": dissipated, "half of it": dissipated / 2}
    return Report("energy and dissipation", flow.times, curves, bounds, float((dissipated / 2 - lost).max()))
