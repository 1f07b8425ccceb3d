"""The Dirichlet energy of the potential that charged species make together."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, get_args

import numpy as np

from ..._typing import Array, SpaceFunction
from ..._validate import finite, positive
from ...measures import Density, Quantiles, RadialQuantiles, Species
from ..base import Combination, Energy, Law, State
from ..forms import FieldCoupling, Wall
from ..potential import Potential
from .poisson import as_interactions, charge_density, coupling_energy, fixed_charge, potential_at, psi_of_charge

_NEUTRAL = 1e-9  # of the charge without its signs


class DirichletCoupling(Energy):
    """E = permittivity/2 int |grad psi|^2 dx,   -permittivity lap psi = sum_i z_i rho_i + doping,   with dE/drho_i = z_i psi.

    The electrostatic energy of ions, and the coupling of Poisson-Nernst-Planck with the entropies of the species.

    Parameters
    ----------
    **charges : float
        The valence z_i of every species of the state, by name; 0 for a neutral one. Names that are no identifiers come in a
        mapping: ``DirichletCoupling({"Na+": 1, "Cl-": -1})``.
    permittivity : float
        Of the medium, > 0; 1 / permittivity is the strength c of the coupling.
    doping : function of space, array or number, optional
        The density of fixed charge, of either sign. A function is averaged over the cells. An array has the grid's shape; on
        Quantiles, which need walls for it, it holds averages over equal cells between them.
    boundary : "neumann", "dirichlet" or "free-space"
        No flux of grad psi through the walls, and psi of mean zero; psi = 0 on the walls (grounded); or the whole space, with
        psi = G * charge, G = Newtonian(d), which vanishes at infinity for d >= 3.

    Notes
    -----
    The total charge must vanish, to 1e-9 of the charge without its signs, for "neumann", where no psi exists otherwise, and
    in free space for d <= 2, where the energy is infinite otherwise. A multiple of the species' masses changes nothing in
    that: masses need not be 1.

    On a Density psi is solved by finite volumes to second order, in one pair of transforms (cosine, sine, or a zero-padded
    convolution, of 2^d n cells). On Quantiles the energy is the sum of interactions through -|x| / 2 that it is on the line,
    summed exactly by distribution functions; "neumann" and "dirichlet" stand at the walls of the measures. On RadialQuantiles
    psi follows from the enclosed charge.

    The flow of a positive multiple is convex along straight lines of densities, so that every JKO step has one answer; on
    the line with "neumann" along geodesics too (docs/theory/poisson-nernst-planck.md, section 2.4, and for the line
    docs/theory/poisson-nernst-planck.md, section 3.11). Inhomogeneous values on the walls enter as a Potential, z_i times
    their harmonic extension.

    Raises ValueError for a charge or permittivity that is no number (> 0), an unknown boundary, a state with a species whose
    charge is not given, a total charge for which there is no psi, or doping that is not finite.

    Source: Kinderlehrer, Monsaingeon, Xu (2017), (1.1) to (1.3); for boxes and valences
    docs/theory/poisson-nernst-planck.md, section 4.

    >>> import numpy as np
    >>> from jkoflow import Grid, Species
    >>> grid = Grid.box((0, 1), cells=64)
    >>> state = Species(u=grid.density(lambda x: 1 + np.cos(np.pi * x)), v=grid.density(lambda x: np.ones_like(x)))
    >>> coupling = DirichletCoupling(u=+1, v=-1)
    >>> bool(abs(coupling(state) - 1 / (4 * np.pi**2)) < 1e-5)
    True
    """

    def __init__(
        self,
        charges: Mapping[str, float] | None = None,
        /,
        *,
        permittivity: float = 1.0,
        doping: SpaceFunction | Any = None,
        boundary: Wall = "neumann",
        **named: float,
    ) -> None:
        if not isinstance(charges, Mapping | None):
            raise ValueError(f"charges must be a mapping from species to valences, or keywords, got {charges!r}")
        both = {**(charges or {}), **named}
        if not both:
            raise ValueError("charges must name at least one species, as in DirichletCoupling(u=+1, v=-1), got none")
        for name, z in both.items():
            finite(f"charge of {name!r}", z)
        if boundary not in get_args(Wall):
            raise ValueError(f"boundary must be one of {', '.join(map(repr, get_args(Wall)))}, got {boundary!r}")
        valences = MappingProxyType({name: float(z) for name, z in both.items()})
        self._form = FieldCoupling(valences, positive("permittivity", permittivity), doping, boundary)

    @property
    def form(self) -> FieldCoupling:
        return self._form

    @property
    def charges(self) -> Mapping[str, float]:
        """The valences z_i by species."""
        return self._form.charges

    @property
    def permittivity(self) -> float:
        """That of the medium."""
        return self._form.permittivity

    @property
    def doping(self) -> Any:
        """The fixed charge as it was given, or None."""
        return self._form.doping

    @property
    def boundary(self) -> Wall:
        """What psi obeys at the walls."""
        return self._form.boundary

    @property
    def involves(self) -> tuple[str, ...]:
        return tuple(self.charges)

    def check(self, state: State) -> Species:
        held = super().check(state)
        for name in held:
            if name not in self.charges:
                raise ValueError(
                    f"charges must be given for every species, and {self!r} has none for {name!r}: a neutral one has 0"
                )
        if held.kind is Quantiles and self.boundary != "free-space" and held.domain is None:
            raise ValueError(f"{self!r} needs walls, and the Quantiles have none: give them walls, or boundary='free-space'")
        if held.kind is RadialQuantiles and (self.boundary != "free-space" or self.doping is not None):
            raise ValueError(f"{self!r} must have boundary='free-space' and no doping on RadialQuantiles")
        first = next(iter(held.values()))
        dim = first.grid.dim if held.kind is Density else getattr(first, "dim", 1)
        if self.boundary == "neumann" or (self.boundary == "free-space" and dim <= 2):
            self._must_be_neutral(held)
        return held

    def _must_be_neutral(self, state: Species) -> None:
        background = 0.0 if self.doping is None else fixed_charge(self.form, state)
        parts = [z * state[name].mass for name, z in self.charges.items()]
        total = sum(parts) + background
        if abs(total) > _NEUTRAL * (sum(map(abs, parts)) + abs(background)):
            why = "no flux leaves the walls" if self.boundary == "neumann" else "its field has infinite energy in d <= 2"
            raise ValueError(
                f"charge of the state must add up to 0 for boundary={self.boundary!r}, as {why}, got {total:.6g}: add doping "
                f"of the opposite charge (a number is a uniform one), or take boundary='dirichlet'"
            )

    def value(self, state: Species) -> float:
        return coupling_energy(next(iter(state.values())), self.form, state)

    def variation(self, state: Species, species: str) -> Array:
        return self.charges[species] * potential_at(state[species], self.form, state)

    def potential(self, state: State) -> Array:
        """psi over the grid of a state of densities, in the gauge of the boundary."""
        held = self.check(state)
        return psi_of_charge(self.form, held.grid, charge_density(self.form, held))

    def charge_density(self, state: State) -> Array:
        """sum_i z_i rho_i + doping over the grid of a state of densities."""
        return charge_density(self.form, self.check(state))

    def debye_length(self, state: State, diffusion: float = 1.0) -> float:
        """(permittivity D / sum_i z_i^2 c_i)^(1/2) for the mean densities c_i of a state in a box: how far charge is screened.

        >>> from jkoflow import Grid, Species
        >>> grid = Grid.box((0, 1), cells=8)
        >>> salt = Species(u=grid.density(abs), v=grid.density(abs))
        >>> coupling = DirichletCoupling(u=+1, v=-1, permittivity=0.02)
        >>> round(coupling.debye_length(salt), 12), round(coupling.relaxation_time(salt), 12)
        (0.1, 0.01)
        """
        return float((positive("diffusion", diffusion) * self.relaxation_time(state)) ** 0.5)

    def relaxation_time(self, state: State) -> float:
        """permittivity / sum_i z_i^2 c_i for the mean densities c_i of a state in a box, at mobilities 1: how soon charge is
        screened.
        """
        held = self.check(state)
        volume = float(np.ptp(held.domain)) if held.kind is Quantiles and held.domain else held.grid.volume
        squares = sum(z**2 * held[name].mass for name, z in self.charges.items())
        if squares == 0:
            raise ValueError(f"{self!r} must hold a charged species for there to be a length or a time")
        return self.permittivity * volume / squares

    def as_interactions(self, state: State) -> Law:
        """The coupling as a sum of interactions and potentials, for solvers that know those alone; the value lacks the energy
        of the doping by itself, and first variations have another gauge.

        In free space in any dimension, and between the walls of Quantiles.

        >>> from jkoflow import Quantiles, Species
        >>> pair = Species(u=Quantiles([0.0, 1.0]), v=Quantiles([2.0, 3.0]))
        >>> coupling = DirichletCoupling(u=+1, v=-1, boundary="free-space")
        >>> round(coupling(pair), 12), round(coupling.as_interactions(pair)(pair), 12)        # int (F_u - F_v)^2 / 2
        (0.833333333333, 0.833333333333)
        """
        return as_interactions(self.form, self.check(state))

    def frozen_at(self, state: State, *, self_terms: bool = False) -> Law:
        """z_i psi of ``state`` as potentials, the share of every species in its own field with it: the lagged coupling."""
        held = self.check(state)
        if held.kind is not Density:
            return self.as_interactions(held).frozen_at(held, self_terms=True)
        psi = self.potential(held)
        return Combination(tuple((1.0, Potential(z * psi, name)) for name, z in self.charges.items() if z != 0))

    def __repr__(self) -> str:
        return repr(self.form)
