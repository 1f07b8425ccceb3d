"""The Dirichlet energy of the electric potential of charged species."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, get_args

import numpy as np

from ..._frozen import FrozenMapping
from ..._typing import Array, SpaceFunction
from ..._validate import finite, of_kind, positive
from ...measures import Density, Quantiles, RadialQuantiles, Species
from ..base import Combination, Energy, Law, State
from ..forms import FieldCoupling, UniformCoupling, Wall
from ..potential import Potential
from .electrode import Electrode
from .poisson import as_interactions, charge_density, coupling_energy, fixed_charge, potential_at, psi_of_charge

_NEUTRAL = 1e-6  # of the sum of the absolute charges: the rounding of masses in single precision


class DirichletCoupling(Energy):
    """E = int e/2 |grad psi|^2 dx,   -div(e grad psi) = sum_i z_i rho_i + doping,   with dE/drho_i = z_i psi.

    This is the electrostatic energy of ions. With the entropies of the species it gives the Poisson-Nernst-Planck equations.

    Parameters
    ----------
    **charges : float
        The valence z_i of every species of the state, by name; 0 for a neutral species. Names that are no identifiers come
        in a mapping: ``DirichletCoupling({"Na+": 1, "Cl-": -1})``.
    permittivity : float, function of space or array
        The permittivity e of the medium, > 0. The strength of the coupling is c = 1 / e. One that varies is taken at the
        centres of the cells; the permittivity of a face is the harmonic mean of its two cells.
    doping : function of space, array or number, optional
        The density of fixed charge, of either sign. A function is averaged over the cells. An array has the shape of the
        grid. On Quantiles, which need walls for doping, an array holds averages over equal cells between the walls.
    boundary : "neumann", "dirichlet" or "free-space"
        The boundary condition of psi:

        * "neumann": no flux of grad psi through the walls; psi has mean zero.
        * "dirichlet": psi = 0 on the walls (grounded).
        * "free-space": the whole space, psi = G * charge with G = Newtonian(d). psi vanishes at infinity for d >= 3.
    electrodes : sequence of Electrode
        Regions in which psi is given. Walls beside them are insulated ("neumann") or grounded ("dirichlet"). Charged walls are
        doping in the cells next to them.

    Notes
    -----
    With electrodes E is the energy of the field less the work of the sources that hold psi, up to a constant. FiniteVolume
    and Convex take electrodes and a permittivity that varies, on Density.

    The total charge must vanish in two cases, up to 1e-6 of the sum of the absolute charges. What is left is the rounding of
    single precision: on a grid a uniform background of the opposite charge balances it. The cases are:

    * "neumann" without electrodes, because otherwise no psi exists;
    * "free-space" in d <= 2, because otherwise the energy is infinite.

    The masses of the species need not be 1.

    How psi is computed depends on the measure:

    * Density: by finite volumes of second order, in one pair of transforms: cosine, sine, or a zero-padded convolution of
      2^d n cells.
    * Quantiles: the energy is a sum of interactions through -|x| / 2, evaluated exactly by distribution functions. The
      conditions "neumann" and "dirichlet" hold at the walls of the measures.
    * RadialQuantiles: from the enclosed charge.

    A positive multiple of the energy is convex along straight lines of densities, so every JKO step has one solution
    (docs/theory/poisson-nernst-planck.md, section 2.4). On the line with "neumann" it is convex along geodesics too
    (docs/theory/poisson-nernst-planck.md, section 3.11). To prescribe other values of psi on the walls, add for every species
    a Potential, z_i times the harmonic extension of the values.

    Raises ValueError for:

    * a charge that is not a number, a permittivity that is not > 0, an unknown boundary;
    * electrodes that hold no cell or all, or share cells; free space with electrodes or a permittivity that varies;
    * a state with a species whose charge is not given;
    * a total charge other than 0 where it must vanish;
    * doping that is not finite.

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
        permittivity: float | SpaceFunction | Any = 1.0,
        doping: SpaceFunction | Any = None,
        boundary: Wall = "neumann",
        electrodes: Sequence[Electrode] = (),
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
        if not isinstance(electrodes, Sequence):
            raise ValueError(f"electrodes must be a list of Electrode objects, got {electrodes!r}")
        held = tuple(of_kind("electrodes", one, Electrode, "Electrode objects") for one in electrodes)
        varies = callable(permittivity) or np.ndim(permittivity) > 0
        if (varies or held) and boundary == "free-space":
            raise ValueError(
                "boundary must be 'neumann' or 'dirichlet' with electrodes or a permittivity that varies, got 'free-space'"
            )
        e: Any = permittivity if varies else positive("permittivity", permittivity)
        kind = FieldCoupling if varies or held else UniformCoupling
        self._form = kind(FrozenMapping({name: float(z) for name, z in both.items()}), e, doping, boundary, held)

    @property
    def form(self) -> FieldCoupling:
        return self._form

    @property
    def charges(self) -> Mapping[str, float]:
        """The valences z_i by species."""
        return self._form.charges

    @property
    def permittivity(self) -> Any:
        """The permittivity of the medium as it was given."""
        return self._form.permittivity

    @property
    def doping(self) -> Any:
        """The density of fixed charge as it was given, or None."""
        return self._form.doping

    @property
    def boundary(self) -> Wall:
        """The boundary condition of psi."""
        return self._form.boundary

    @property
    def electrodes(self) -> tuple[Electrode, ...]:
        """The regions in which psi is given."""
        return self._form.electrodes  # type: ignore[return-value]

    @property
    def involves(self) -> tuple[str, ...]:
        return tuple(self.charges)

    def check(self, state: State) -> Species:
        checked_state = super().check(state)
        for name in checked_state:
            if name not in self.charges:
                raise ValueError(
                    f"charges must be given for every species, and {self!r} has none for {name!r}: a neutral one has 0"
                )
        if checked_state.kind is Quantiles and self.boundary != "free-space" and checked_state.domain is None:
            raise ValueError(f"{self!r} needs walls, and the Quantiles have none: give them walls, or boundary='free-space'")
        if checked_state.kind is RadialQuantiles and (self.boundary != "free-space" or self.doping is not None):
            raise ValueError(f"{self!r} must have boundary='free-space' and no doping on RadialQuantiles")
        if not isinstance(self._form, UniformCoupling) and not issubclass(checked_state.kind, Density):
            raise ValueError(
                f"{self!r} takes densities on a grid, for its electrodes or its permittivity that varies, got "
                f"{checked_state.kind.__name__}"
            )
        first = next(iter(checked_state.values()))
        dim = first.grid.dim if issubclass(checked_state.kind, Density) else getattr(first, "dim", 1)
        if self._form.must_be_neutral or (self.boundary == "free-space" and dim <= 2):
            self._must_be_neutral(checked_state)
        return checked_state

    def _must_be_neutral(self, state: Species) -> None:
        background, gross = fixed_charge(self.form, state)
        parts = [z * state[name].mass for name, z in self.charges.items()]
        total = sum(parts) + background
        if abs(total) > _NEUTRAL * (sum(map(abs, parts)) + gross):
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
        """Return psi over the grid, for a state of densities. The boundary fixes the gauge of psi."""
        checked_state = self.check(state)
        return psi_of_charge(self.form, checked_state.grid, charge_density(self.form, checked_state))

    def charge_density(self, state: State) -> Array:
        """Return sum_i z_i rho_i + doping over the grid, for a state of densities."""
        return charge_density(self.form, self.check(state))

    def debye_length(self, state: State, diffusion: float = 1.0) -> float:
        """Return the Debye length (permittivity D / sum_i z_i^2 c_i)^(1/2): how far a charge is felt.

        c_i are the mean densities of a state in a box, D is ``diffusion``.

        >>> from jkoflow import Grid, Species
        >>> grid = Grid.box((0, 1), cells=8)
        >>> salt = Species(u=grid.density(abs), v=grid.density(abs))
        >>> coupling = DirichletCoupling(u=+1, v=-1, permittivity=0.02)
        >>> round(coupling.debye_length(salt), 12), round(coupling.relaxation_time(salt), 12)
        (0.1, 0.01)
        """
        return float((positive("diffusion", diffusion) * self.relaxation_time(state)) ** 0.5)

    def relaxation_time(self, state: State) -> float:
        """Return the relaxation time permittivity / sum_i z_i^2 c_i: how soon a charge is screened, for mobilities 1.

        c_i are the mean densities of a state in a box. Raises ValueError if no species is charged.
        """
        checked_state = self.check(state)
        volume = (
            float(np.ptp(checked_state.domain))
            if checked_state.kind is Quantiles and checked_state.domain
            else checked_state.grid.volume
        )
        if callable(self.permittivity) or np.ndim(self.permittivity):
            raise ValueError(f"permittivity must be a number for one length and one time, and it varies in {self!r}")
        squares = sum(z**2 * checked_state[name].mass for name, z in self.charges.items())
        if squares == 0:
            raise ValueError(f"{self!r} must hold a charged species for there to be a length or a time")
        return self.permittivity * volume / squares

    def as_interactions(self, state: State) -> Law:
        """Return the coupling as a sum of interactions and potentials, for solvers that know only these.

        It works in free space in any dimension, and between the walls of Quantiles. The sum differs from the coupling in two
        points: its value lacks the energy of the doping alone, and its first variations have another gauge.

        >>> from jkoflow import Quantiles, Species
        >>> pair = Species(u=Quantiles([0.0, 1.0]), v=Quantiles([2.0, 3.0]))
        >>> coupling = DirichletCoupling(u=+1, v=-1, boundary="free-space")
        >>> round(coupling(pair), 12), round(coupling.as_interactions(pair)(pair), 12)        # int (F_u - F_v)^2 / 2
        (0.833333333333, 0.833333333333)
        """
        return as_interactions(self.form, self.check(state))

    def frozen_at(self, state: State, *, self_terms: bool = False) -> Law:
        """Return the lagged coupling: the potentials z_i psi, where psi is the field of all species in ``state``.

        The field of species i itself is part of psi, whatever ``self_terms``.
        """
        checked_state = self.check(state)
        if checked_state.kind is not Density:
            return self.as_interactions(checked_state).frozen_at(checked_state, self_terms=True)
        psi = self.potential(checked_state)
        return Combination(tuple((1.0, Potential(z * psi, name)) for name, z in self.charges.items() if z != 0))

    def __repr__(self) -> str:
        return repr(self.form)
