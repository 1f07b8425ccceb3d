"""Poisson's equation for the charge of a state, on every kind of measure."""

from __future__ import annotations

from dataclasses import replace
from functools import singledispatch

import numpy as np

from ..._typing import Array, SpaceFunction
from ..._validate import finite, finite_array
from ...grids import Grid
from ...kernels import Kernel, Newtonian, Quadratic
from ...kernels.sums import on_the_line
from ...measures import Density, EnclosedCharge, LinePotential, Measure, Quantiles, RadialQuantiles, Species
from ..base import Combination, Law, Term
from ..forms import FieldCoupling
from ..pairs import CrossInteraction, Interaction
from ..potential import Potential

_GAUSS_POINTS = 3  # in a cell of a grid, along every axis
_DOPING_CELLS = 4096  # between the walls of quantiles, if the doping is a function


@singledispatch
def coupling_energy(measure: Measure, coupling: FieldCoupling, state: Species) -> float:
    """Return the energy of the field of a state. ``measure`` is any one of its measures; its class selects the method."""
    raise _unsupported(measure)


@singledispatch
def potential_at(measure: Measure, coupling: FieldCoupling, state: Species) -> Array:
    """Return psi of a state at the points of ``measure``, one of its measures."""
    raise _unsupported(measure)


def _unsupported(measure: Measure) -> ValueError:
    """Return the error for a measure on which the coupling is not defined."""
    return ValueError(
        f"DirichletCoupling takes Density, Quantiles and RadialQuantiles, got {type(measure).__name__}: in free space write it "
        "as interactions, with .as_interactions(state)"
    )


@coupling_energy.register(Density)
def _(measure: Density, coupling: FieldCoupling, state: Species) -> float:
    return energy_of_charge(coupling, measure.grid, charge_density(coupling, state))


@potential_at.register(Density)
def _(measure: Density, coupling: FieldCoupling, state: Species) -> Array:
    return psi_of_charge(coupling, measure.grid, charge_density(coupling, state))


@coupling_energy.register(Quantiles)
def _(measure: Quantiles, coupling: FieldCoupling, state: Species) -> float:
    return as_interactions(coupling, state)(state) + _energy_of_doping(coupling, state)


@potential_at.register(Quantiles)
def _(measure: Quantiles, coupling: FieldCoupling, state: Species) -> Array:
    kernel, field = _green_kernel(coupling, state), measure.zero_field
    for name, z in coupling.charges.items():
        source = state[name]
        if z != 0:
            field = field + z * (
                measure.convolve(kernel) if source is measure else source.potential(kernel).over_cells(measure.nodes)
            )
    if coupling.doping is not None:
        field = field + _doping_potential(coupling, state, kernel).over_cells(measure.nodes)
    if coupling.boundary == "dirichlet":
        field = field + _net_charge(coupling, state) * measure.field("g", _wall_function(state))
    return np.asarray(field / coupling.permittivity + _gauge(coupling, state))


@coupling_energy.register(RadialQuantiles)
def _(measure: RadialQuantiles, coupling: FieldCoupling, state: Species) -> float:
    return EnclosedCharge(state, coupling.charges).energy / coupling.permittivity


@potential_at.register(RadialQuantiles)
def _(measure: RadialQuantiles, coupling: FieldCoupling, state: Species) -> Array:
    name = next(name for name, other in state.items() if other is measure)
    return EnclosedCharge(state, coupling.charges).mean_potential(name) / coupling.permittivity


def charge_density(coupling: FieldCoupling, state: Species) -> Array:
    """Return sum_i z_i rho_i + doping over the grid of the state."""
    return sum((z * state[name].values for name, z in coupling.charges.items()), doping_on(coupling, state.grid))


def doping_on(coupling: FieldCoupling, grid: Grid) -> Array:
    """Return the doping as an array over a grid. A function is averaged over the cells, which keeps its integral."""
    if coupling.doping is None:
        return np.zeros(grid.shape)
    if callable(coupling.doping):
        return finite_array("doping", grid.sample(coupling.doping, order=_GAUSS_POINTS), grid.shape)
    if np.ndim(coupling.doping) > 0:
        return grid.field("doping", coupling.doping)
    return np.full(grid.shape, finite("doping", coupling.doping))


def sampled_on(coupling: FieldCoupling, grid: Grid) -> FieldCoupling:
    """Return the coupling with its doping as an array over a grid if the doping is a function, else the same coupling."""
    return replace(coupling, doping=doping_on(coupling, grid)) if callable(coupling.doping) else coupling


def psi_of_charge(coupling: FieldCoupling, grid: Grid, charge: Array) -> Array:
    """Return psi with -div(permittivity grad psi) = charge, and with the values of the electrodes.

    If no flux of grad psi leaves the walls, and there is no electrode, the mean of the charge is ignored.
    """
    if coupling.boundary == "free-space":
        return grid.convolve(Newtonian(grid.dim), charge) / coupling.permittivity
    return coupling.operator(grid).solve(charge)


def energy_of_charge(coupling: FieldCoupling, grid: Grid, charge: Array) -> float:
    """Return the energy of the field of a charge on a grid. Its first variation in the charge is psi."""
    if coupling.boundary == "free-space":
        return grid.integrate(charge * psi_of_charge(coupling, grid, charge)) / 2
    return coupling.operator(grid).energy(charge)


def fixed_charge(coupling: FieldCoupling, state: Species) -> tuple[float, float]:
    """Return the total of the doping, and that of its absolute value."""
    if coupling.doping is None:
        return 0.0, 0.0
    if issubclass(state.kind, Density):
        charges = doping_on(coupling, state.grid) * state.grid.cell_volume
    else:
        _, charges = _doping_cells(coupling, state)
    return float(charges.sum()), float(np.abs(charges).sum())


def as_interactions(coupling: FieldCoupling, state: Species) -> Law:
    """Return the coupling as interactions through Green's function, and potentials.

    Between walls at a and b, with L = b - a, Green's function depends on the boundary:

    * "dirichlet": -|x - y| / 2 + (x - y)^2 / (2 L) + g(x) + g(y), with g(x) = (x - a)(b - x) / (2 L);
    * "neumann": -|x - y| / 2, for a total charge of 0.
    """
    if state.kind is RadialQuantiles:
        raise ValueError("RadialQuantiles hold no interactions, so the coupling cannot be frozen there: take JKO()")
    kernel, c = _green_kernel(coupling, state), 1 / coupling.permittivity
    charged = [(name, z) for name, z in coupling.charges.items() if z != 0]
    terms: list[tuple[float, Term]] = []
    for k, (a, za) in enumerate(charged):
        terms.append((c * za * za, Interaction(kernel, a)))
        terms += [(c * za * zb, CrossInteraction(kernel, between=(a, b))) for b, zb in charged[k + 1 :]]
        if coupling.doping is not None:
            terms.append((c * za, Potential(_doping_potential(coupling, state, kernel), a)))
        if coupling.boundary == "dirichlet":
            terms.append((c * za * _net_charge(coupling, state), Potential(_wall_function(state), a)))
    return Combination(tuple(terms))


def _green_kernel(coupling: FieldCoupling, state: Species) -> Kernel:
    """Return the part of Green's function that depends on x - y alone, for permittivity 1."""
    if coupling.boundary == "free-space":
        return Newtonian(1 if state.kind is Quantiles else getattr(state.domain, "dim", state.domain))
    if state.kind is not Quantiles:
        raise ValueError(f"boundary must be 'free-space' for {state.kind.__name__} as interactions, got {coupling.boundary!r}")
    low, high = state.domain
    return Newtonian(1) if coupling.boundary == "neumann" else Newtonian(1) + Quadratic() * (1 / (high - low))


def _net_charge(coupling: FieldCoupling, state: Species) -> float:
    """Return the total charge of the species and the doping."""
    return sum(z * state[name].mass for name, z in coupling.charges.items()) + fixed_charge(coupling, state)[0]


def _wall_function(state: Species) -> SpaceFunction:
    """Return g(x) = (x - a)(b - x) / (2 L), the other part of Green's function between grounded walls at a and b."""
    low, high = state.domain
    return lambda x: (x - low) * (high - x) / (2 * (high - low))


def _doping_cells(coupling: FieldCoupling, state: Species) -> tuple[Array, Array]:
    """Return the edges of cells between the walls, and the fixed charge in every cell."""
    if state.kind is not Quantiles or state.domain is None:
        raise ValueError(f"doping of {coupling!r} needs a grid, or Quantiles with walls, to lie between")
    low, high = state.domain
    doping = coupling.doping
    if callable(doping):
        grid = Grid.box((low, high), cells=_DOPING_CELLS)
        values = finite_array("doping", grid.sample(doping, order=2), grid.shape)
    elif np.ndim(doping) == 0:
        values = np.array([finite("doping", doping)])
    else:
        values = finite_array("doping", doping, (max(np.size(doping), 1),))
    edges = np.linspace(low, high, len(values) + 1)
    return edges, values * np.diff(edges)


def _doping_potential(coupling: FieldCoupling, state: Species, kernel: Kernel) -> LinePotential:
    """Return the potential of the doping as a function of space, for permittivity 1."""
    return LinePotential(on_the_line(kernel), *_doping_cells(coupling, state))


def _energy_of_doping(coupling: FieldCoupling, state: Species) -> float:
    """Return the part of the energy that the interactions lack: the energy of the doping alone, given the total charge."""
    if coupling.doping is None:
        return 0.0
    edges, masses = _doping_cells(coupling, state)
    doping_energy = masses @ _doping_potential(coupling, state, _green_kernel(coupling, state)).over_cells(edges) / 2
    if coupling.boundary == "dirichlet":
        doping_energy += _net_charge(coupling, state) * masses @ _cell_means(_wall_function(state), edges)
    return float(doping_energy) / coupling.permittivity


def _gauge(coupling: FieldCoupling, state: Species) -> float:
    """Return the constant that is added to psi: it makes the mean of psi zero, or psi zero on the walls."""
    if coupling.boundary == "free-space":
        return 0.0
    low, high = state.domain
    if coupling.boundary == "neumann":  # minus the mean over x of -|x - y| / 2

        def shape(y: Array) -> Array:
            return np.asarray(((y - low) ** 2 + (high - y) ** 2) / (4 * (high - low)))
    else:
        shape = _wall_function(state)
    total = sum(z * state[name].expectation(state[name].field("gauge", shape)) for name, z in coupling.charges.items())
    if coupling.doping is not None:
        edges, masses = _doping_cells(coupling, state)
        total += float(masses @ _cell_means(shape, edges))
    return total / coupling.permittivity


def _cell_means(f: SpaceFunction, edges: Array) -> Array:
    """Return the means of a function over the cells between edges."""
    return Quantiles(edges).field("f", f)
