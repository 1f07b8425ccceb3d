"""The evolution variational inequality along a run."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from .._validate import finite
from ..laws import Law, State
from ..trajectory import Trajectory
from .report import Report, must_be_of_masses
from .two_runs import product_distance


def evi_residual(flow: Trajectory, law: Law, references: Mapping[str, State], convexity: float) -> Report:
    """Report the residual of the evolution variational inequality, for every reference nu and every step.

        (W^2(rho_(k+1), nu) - W^2(rho_k, nu)) / (2 dt) + lambda W^2(rho_(k+1), nu) / 2 + E(rho_(k+1)) - E(nu)

    W is the product distance, lambda is ``convexity``. The residual is at most 0 for the gradient flow of a lambda-convex
    energy (Di Francesco and Fagioli 2013, (19), with the sharp lambda of docs/theory/two-species.md, section 3.3). It is at
    most 0 for JKO steps with any dt, if the energy is convex along generalised geodesics, as pair interactions are. For
    other schemes it is at most O(dt).

    The report has one curve for every reference, by name. ``worst`` is the largest residual.

    Raises ValueError for a law without an energy, and for a reference of infinite energy.

    >>> import jkoflow as jf
    >>> energy, start = jf.Interaction(jf.Quadratic()), jf.Quantiles([0.0, 1.0])
    >>> flow = jf.evolve(energy, start, dt=0.1, t_end=1.0)
    >>> bool(evi_residual(flow, energy, {"atom": jf.Quantiles.atoms([2.0])}, convexity=0.0).worst <= 1e-12)
    True
    """
    must_be_of_masses(law, "evi_residual")
    if not law.has_energy:
        raise ValueError(f"law must have an energy, got {law!r}")
    finite("convexity", convexity)
    curves = {}
    for name, reference in references.items():
        reference_energy = law(reference)
        if not np.isfinite(reference_energy):
            raise ValueError(f"reference {name!r} must have a finite energy, got {reference_energy}")
        squares = np.array([product_distance(state, reference, flow.mobilities) ** 2 for state in flow.snapshots])
        energies = np.array([law(state) for state in flow.snapshots[1:]])
        curves[name] = np.diff(squares) / (2 * flow.dts) + convexity * squares[1:] / 2 + energies - reference_energy
    if not curves:
        raise ValueError("references must hold at least one state, got none")
    worst = max(float(curve.max()) for curve in curves.values())
    return Report("residual of the EVI", flow.times[1:], curves, {"0": np.zeros(len(flow.dts))}, worst)
