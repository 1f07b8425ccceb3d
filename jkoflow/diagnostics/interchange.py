"""Flow interchange: what the entropies of other flows do along JKO steps."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from .._typing import Array
from .._validate import positive
from ..laws import Entropy, Entry, Law, RenyiEntropy
from ..laws.electrostatics import doping_on
from ..laws.forms import Bound, External, FieldCoupling, Internal
from ..measures import Density, Species
from ..trajectory import Trajectory
from ._gradients import gradient_product
from .report import Report


def flow_interchange(flow: Trajectory, law: Law, p: float = 1.0) -> Report:
    """What perturbing JKO steps along the heat flow, or that of the porous medium, in one species proves of them.

        G(rho') + dt alpha int grad g(rho') . grad dE/drho(z')  <=  G(rho)        for every species and step,

        p = 1:  G = int rho log rho,  g = rho;        p > 1:  G = int rho^p / (p - 1),  g = rho^p.

    It holds for every energy and dt, in the whole space and in a convex box with no flux, up to the mesh. Of it follow the
    estimates of the gradients (docs/theory/poisson-nernst-planck.md, section 3.6) and, with conditions at the walls, those of
    ``norm_growth``. ``worst`` is the largest excess over the largest |G|. Source: Matthes, McCann, Savare (2009);
    docs/theory/poisson-nernst-planck.md, section 2.6.

    For Density and RadialQuantiles. Raises ValueError for p < 1.

    >>> import numpy as np, jkoflow as jf
    >>> rho = jf.Grid.box((0, 1), cells=100).density(lambda x: 1 + 0.5 * np.cos(np.pi * x))
    >>> law = jf.Entropy()
    >>> bool(flow_interchange(jf.evolve(law, rho, dt=0.02, t_end=0.1), law).worst < 0)
    True
    """
    if positive("p", p) < 1:
        raise ValueError(f"p must be >= 1, got {p!r}")
    if law.forms.forbidden:
        raise ValueError("law must hold no Obstacle: what is left of the box must be convex")
    curves: dict[str, Array] = {}
    bounds: dict[str, Array] = {}
    for name, alpha in flow.mobilities.items():
        label = f" of {name}" if name else ""
        entropy = Entropy(name) if p == 1 else RenyiEntropy(p, name)
        levels = np.array([entropy(state) for state in flow.snapshots])
        gains = [
            gradient_product(state[name], state[name].values ** p, law.first_variation(state, name))
            for state in flow.snapshots[1:]
        ]
        curves[f"after{label}"] = levels[1:] + flow.dts * alpha * np.array(gains)
        bounds[f"before{label}"] = levels[:-1]
    size = max(float(np.abs(bound).max()) for bound in bounds.values())
    excess = max(float((curve - bound).max()) for curve, bound in zip(curves.values(), bounds.values(), strict=True))
    return Report(f"flow interchange, p = {p:g}", flow.times[1:], curves, bounds, excess / max(size, 1e-300))


def norm_growth(flow: Trajectory, law: Law, p: float = np.inf) -> Report:
    """The growth of the densities in L^p in every JKO step against the bound by the Laplacian of the potentials.

        p < inf:   S' <= S / (1 - lambda (p - 1) dt),       S = sum_i |z_i|^(p-1) / alpha_i int rho_i^p
        p = inf:   max' <= max (1 + lambda dt / d)^d,       max = max_i |z_i| sup rho_i

    with lambda = max(0, sup lap V_i) times the largest mobility, for internal energies, potentials that do not fall towards
    the walls, and a DirichletCoupling of two species of opposite charge with no flux through the walls (Kinderlehrer,
    Monsaingeon, Xu (2017), (3.7); for p = inf docs/theory/poisson-nernst-planck.md, section 3.5). ``worst`` is the largest
    excess over the bound, as a share.

    Raises ValueError where the bound is not known to hold and indeed fails: potentials that fall towards a wall, grounded
    walls, three charged species (docs/theory/poisson-nernst-planck.md, section 4); for terms of other kinds, and for
    dt >= 1 / (lambda (p - 1)).

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
    rise = max(float(one.max()) for one in laplacians.values()) * max(flow.mobilities.values())
    rise = max(rise, 0.0)
    if np.isfinite(p) and not rise * (p - 1) * flow.dts.max(initial=0.0) < 1:
        raise ValueError(f"dt must stay below 1 / (lambda (p - 1)) = {1 / (rise * (p - 1)):.3g}, got {flow.dts.max():.3g}")
    norms = np.array([_norm(one, charges, flow.mobilities, p) for one in flow.snapshots])
    dim = state.grid.dim
    factors = (1 + rise * flow.dts / dim) ** dim if np.isinf(p) else 1 / (1 - rise * (p - 1) * flow.dts)
    bound = norms[:-1] * factors
    name = "max" if np.isinf(p) else f"S_{p:g}"
    return Report(
        f"growth, p = {p:g}", flow.times[1:], {name: norms[1:]}, {"bound": bound}, float((norms[1:] / bound - 1).max())
    )


def _norm(state: Species, charges: Mapping[str, float], mobilities: Mapping[str, float], p: float) -> float:
    if np.isinf(p):
        return max(charges[name] * float(one.values.max()) for name, one in state.items())
    return sum(
        charges[name] ** (p - 1) / mobilities[name] * one.integrate_internal(lambda s: s**p) for name, one in state.items()
    )


def _outer_laplacians(law: Law, state: Species) -> tuple[dict[str, Array], dict[str, float]]:
    """The Laplacian of what acts on every species from outside, with the doping, and the sizes of the charges, or 1."""
    potentials = {name: one.zero_field for name, one in state.items()}
    fixed = {name: one.zero_field for name, one in state.items()}
    charges = dict.fromkeys(state, 1.0)
    law.forms.require((Internal, Bound, External, FieldCoupling), "norm_growth")
    for entry in law.forms.entries:
        if isinstance(entry.form, Internal | Bound):
            entry.non_negative()
    if len(law.forms.couplings) > 1:
        raise ValueError(f"law must hold at most one DirichletCoupling, got {len(law.forms.couplings)}")
    for factor, form, _ in law.forms.external:
        potentials[form.species] = potentials[form.species] + factor * state[form.species].field("V", form.V)
    for coupling in law.forms.couplings:
        _must_keep_the_bound(coupling)
        strength, doping = coupling.factor / coupling.form.permittivity, doping_on(coupling.form, state.grid)
        for name, z in coupling.form.charges.items():
            fixed[name] = -strength * z * doping
            charges[name] = abs(z) or 1.0
    return {name: _laplacian(potentials[name], state) + fixed[name] for name in state}, charges


def _must_keep_the_bound(entry: Entry[FieldCoupling]) -> None:
    c, coupling = entry.factor, entry.form
    signs = sorted(z for z in coupling.charges.values() if z != 0)
    if c < 0 or coupling.boundary != "neumann":
        raise ValueError(f"{c:g} * {coupling!r} must repel and let no flux through the walls: otherwise the bound fails")
    if len(signs) > 2 or (len(signs) == 2 and not signs[0] < 0 < signs[1]):
        raise ValueError(f"{coupling!r} must be of two species of opposite charge: for others the bound fails")


def _laplacian(potential: Array, state: Species) -> Array:
    """The discrete Laplacian, next to walls that of the next cell; ValueError for a fall towards a wall."""
    grid, total = state.grid, np.zeros(state.grid.shape)
    if min(grid.shape) < 4:
        raise ValueError(f"grid must have 4 cells along every axis for second differences, got {grid.shape}")
    for axis, h in enumerate(grid.spacing):
        slopes, out = np.diff(np.moveaxis(potential, axis, 0), axis=0) / h, np.moveaxis(total, axis, 0)
        if _falls(-slopes) or _falls(slopes[::-1]):
            raise ValueError(
                "potentials must not fall towards a wall: otherwise the bound fails "
                "(docs/theory/poisson-nernst-planck.md, section 4)"
            )
        inner = np.diff(slopes, axis=0) / h
        out[1:-1] += inner
        out[0] += inner[0]
        out[-1] += inner[-1]
    return total


def _falls(rise: Array) -> bool:
    """Whether a potential falls towards a wall, from its rise towards it across the faces, the nearest first: extended to the
    wall from two of them, up to the error of that.
    """
    at_wall, error = 2 * rise[0] - rise[1], np.abs(rise[0] - 2 * rise[1] + rise[2])
    return bool(np.any(at_wall < -error - 1e-9 * float(np.abs(rise).max())))
