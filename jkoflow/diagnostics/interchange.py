"""Flow interchange: what the entropies of other flows do along JKO steps."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from .._typing import Array
from .._validate import positive
from ..laws import Entropy, Entry, Law, RenyiEntropy
from ..laws.electrostatics import doping_on
from ..laws.forms import Bound, External, FieldCoupling, Internal, UniformCoupling
from ..measures import Density, Species
from ..trajectory import Trajectory
from ._gradients import gradient_product
from .report import Report, must_be_of_masses


def flow_interchange(flow: Trajectory, law: Law, p: float = 1.0) -> Report:
    """Report the two sides of the flow-interchange inequality, for every species and every JKO step.

        G(rho') + dt alpha int grad g(rho') . grad dE/drho(z')  <=  G(rho)

        p = 1:  G = int rho log rho,  g = rho;        p > 1:  G = int rho^p / (p - 1),  g = rho^p.

    rho is a species before the step, rho' the same species after it, z' the state after it. The inequality is proved by
    perturbing the step along the heat flow (p = 1) or the porous-medium flow (p > 1) of one species. It holds for every
    energy and dt, in the whole space and in a convex box with no flux, up to errors of the mesh.

    It implies the estimates of the gradients (docs/theory/poisson-nernst-planck.md, section 3.6). With conditions at the
    walls it implies the estimates of ``norm_growth``. ``worst`` is the largest excess, divided by the largest |G|.

    The measures must be Density or RadialQuantiles. Raises ValueError for p < 1, and for a law with an Obstacle.

    Source: Matthes, McCann, Savare (2009); docs/theory/poisson-nernst-planck.md, section 2.6.

    >>> import numpy as np, jkoflow as jf
    >>> rho = jf.Grid.box((0, 1), cells=100).density(lambda x: 1 + 0.5 * np.cos(np.pi * x))
    >>> law = jf.Entropy()
    >>> bool(flow_interchange(jf.evolve(law, rho, dt=0.02, t_end=0.1), law).worst < 0)
    True
    """
    must_be_of_masses(law, "flow_interchange")
    if positive("p", p) < 1:
        raise ValueError(f"p must be >= 1, got {p!r}")
    if law.forms.obstacles:
        raise ValueError("law must hold no Obstacle: what is left of the box must be convex")
    curves: dict[str, Array] = {}
    bounds: dict[str, Array] = {}
    for name, alpha in flow.mobilities.items():
        label = f" of {name}" if name else ""
        entropy = Entropy(name) if p == 1 else RenyiEntropy(p, name)
        entropies = np.array([entropy(state) for state in flow.snapshots])
        dissipations = [
            gradient_product(state[name], state[name].values ** p, law.first_variation(state, name))
            for state in flow.snapshots[1:]
        ]
        curves[f"after{label}"] = entropies[1:] + flow.dts * alpha * np.array(dissipations)
        bounds[f"before{label}"] = entropies[:-1]
    size = max(float(np.abs(bound).max()) for bound in bounds.values())
    excess = max(float((curve - bound).max()) for curve, bound in zip(curves.values(), bounds.values(), strict=True))
    return Report(f"flow interchange, p = {p:g}", flow.times[1:], curves, bounds, excess / max(size, 1e-300))


def norm_growth(flow: Trajectory, law: Law, p: float = np.inf) -> Report:
    """Report the size of the densities in L^p after every JKO step, and its bound by the Laplacian of the potentials.

        p < inf:   S' <= S / (1 - lambda (p - 1) dt),       S = sum_i |z_i|^(p-1) / alpha_i int rho_i^p
        p = inf:   max' <= max (1 + lambda dt / d)^d,       max = max_i |z_i| sup rho_i

    The prime means: after the step. lambda = max(0, sup lap V_i) times the largest mobility. The bound holds for these terms:

    * internal energies;
    * potentials that do not fall towards the walls;
    * a DirichletCoupling of two species of opposite charge, with no flux through the walls.

    ``worst`` is the largest excess over the bound, as a share of the bound.

    Raises ValueError

    * where the bound fails: for potentials that fall towards a wall, grounded walls, and three charged species
      (docs/theory/poisson-nernst-planck.md, section 4);
    * for terms of other kinds;
    * for dt >= 1 / (lambda (p - 1));
    * for p <= 1, and for measures that are not densities on a grid.

    Source: Kinderlehrer, Monsaingeon, Xu (2017), (3.7); for p = inf docs/theory/poisson-nernst-planck.md, section 3.5.

    >>> import numpy as np, jkoflow as jf
    >>> rho = jf.Grid.box((0, 1), cells=100).density(lambda x: 1 + 0.5 * np.cos(np.pi * x))
    >>> law = jf.Entropy()
    >>> bool(norm_growth(jf.evolve(law, rho, dt=0.02, t_end=0.1), law).worst <= 0)
    True
    """
    state = flow.snapshots[0]
    if state.kind is not Density:
        raise ValueError(f"flow must be of densities on a grid, got {state.kind.__name__}")
    if not (isinstance(p, int | float) and p > 1):
        raise ValueError(f"p must be > 1, got {p!r}: p = 1 is the mass")
    laplacians, charges = _outer_laplacians(law, state)
    growth_rate = max(float(laplacian.max()) for laplacian in laplacians.values()) * max(flow.mobilities.values())
    growth_rate = max(growth_rate, 0.0)
    if np.isfinite(p) and not growth_rate * (p - 1) * flow.dts.max(initial=0.0) < 1:
        raise ValueError(
            f"dt must stay below 1 / (lambda (p - 1)) = {1 / (growth_rate * (p - 1)):.3g}, got {flow.dts.max():.3g}"
        )
    norms = np.array([_norm(snapshot, charges, flow.mobilities, p) for snapshot in flow.snapshots])
    dim = state.grid.dim
    factors = (1 + growth_rate * flow.dts / dim) ** dim if np.isinf(p) else 1 / (1 - growth_rate * (p - 1) * flow.dts)
    bound = norms[:-1] * factors
    name = "max" if np.isinf(p) else f"S_{p:g}"
    return Report(
        f"growth, p = {p:g}", flow.times[1:], {name: norms[1:]}, {"bound": bound}, float((norms[1:] / bound - 1).max())
    )


def _norm(state: Species, charges: Mapping[str, float], mobilities: Mapping[str, float], p: float) -> float:
    """Return S for a finite p, and max for p = inf (see ``norm_growth``)."""
    if np.isinf(p):
        return max(charges[name] * float(density.values.max()) for name, density in state.items())
    return sum(
        charges[name] ** (p - 1) / mobilities[name] * density.integrate_internal(lambda s: s**p)
        for name, density in state.items()
    )


def _outer_laplacians(law: Law, state: Species) -> tuple[dict[str, Array], dict[str, float]]:
    """Return the Laplacians of the external potentials of every species, doping included, and the absolute charges.

    The charge of a neutral species is replaced by 1.
    """
    potentials = {name: density.zero_field for name, density in state.items()}
    of_doping = {name: density.zero_field for name, density in state.items()}
    charges = dict.fromkeys(state, 1.0)
    law.forms.require((Internal, Bound, External, UniformCoupling), "norm_growth")
    for entry in law.forms.entries:
        if isinstance(entry.form, Internal | Bound):
            entry.non_negative()
    if len(law.forms.couplings) > 1:
        raise ValueError(f"law must hold at most one DirichletCoupling, got {len(law.forms.couplings)}")
    for factor, form, _ in law.forms.external:
        potentials[form.species] = potentials[form.species] + factor * state[form.species].field("V", form.V)
    for coupling in law.forms.couplings:
        _check_coupling(coupling)
        strength, doping = coupling.factor / coupling.form.permittivity, doping_on(coupling.form, state.grid)
        for name, z in coupling.form.charges.items():
            of_doping[name] = -strength * z * doping
            charges[name] = abs(z) or 1.0
    return {name: _laplacian(potentials[name], state) + of_doping[name] for name in state}, charges


def _check_coupling(entry: Entry[FieldCoupling]) -> None:
    """Raise ValueError for a coupling under which the bound fails."""
    c, coupling = entry.factor, entry.form
    valences = sorted(z for z in coupling.charges.values() if z != 0)
    if c < 0 or coupling.boundary != "neumann":
        raise ValueError(f"{c:g} * {coupling!r} must repel and let no flux through the walls: otherwise the bound fails")
    if len(valences) > 2 or (len(valences) == 2 and not valences[0] < 0 < valences[1]):
        raise ValueError(f"{coupling!r} must be of two species of opposite charge: for others the bound fails")


def _laplacian(potential: Array, state: Species) -> Array:
    """Return the discrete Laplacian of a potential. A cell next to a wall gets the second difference of its neighbour.

    Raises ValueError if the potential falls towards a wall.
    """
    grid, total = state.grid, np.zeros(state.grid.shape)
    if min(grid.shape) < 4:
        raise ValueError(f"grid must have 4 cells along every axis for second differences, got {grid.shape}")
    for axis, h in enumerate(grid.spacing):
        slopes, total_axis_first = np.diff(np.moveaxis(potential, axis, 0), axis=0) / h, np.moveaxis(total, axis, 0)
        if _falls_towards_wall(-slopes) or _falls_towards_wall(slopes[::-1]):
            raise ValueError(
                "potentials must not fall towards a wall: otherwise the bound fails "
                "(docs/theory/poisson-nernst-planck.md, section 4)"
            )
        second_differences = np.diff(slopes, axis=0) / h
        total_axis_first[1:-1] += second_differences
        total_axis_first[0] += second_differences[0]
        total_axis_first[-1] += second_differences[-1]
    return total


def _falls_towards_wall(rise: Array) -> bool:
    """Return True if a potential falls towards a wall by more than the error of extrapolation.

    ``rise`` holds the slopes of the potential towards the wall across the faces, the nearest face first. The slope at the
    wall is extrapolated from the two nearest faces.
    """
    at_wall, error = 2 * rise[0] - rise[1], np.abs(rise[0] - 2 * rise[1] + rise[2])
    return bool(np.any(at_wall < -error - 1e-9 * float(np.abs(rise).max())))
