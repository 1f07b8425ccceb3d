"""The forms of terms.

Every term of a law has a form, defined in the file of the term (``term.form``). Solvers, schemes and diagnostics use the form
of a term, never its class. So a new energy of a known form works wherever the form works.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar, Literal, Protocol, TypeAlias

import numpy as np

from .._functions import called
from .._typing import Array, Mask, SpaceFunction
from ..fields import Profile
from ..grids import Elliptic, Grid
from ..kernels import Kernel
from .time_functions import fixed_at, takes_time

Wall: TypeAlias = Literal["neumann", "dirichlet", "free-space"]
"""The boundary condition of psi: no flux through the walls, psi = 0 on the walls (grounded), or no walls (the whole space)."""


@dataclass(frozen=True, eq=False)
class Form:
    """The base of all forms. ``label`` is the name of the form in error messages and in the tables of the docs."""

    label: ClassVar[str] = "any term"
    has_energy: ClassVar[bool] = True
    is_signal: ClassVar[bool] = False
    """True for terms of fields, which ``laws.signalling`` reads."""
    is_outer: ClassVar[bool] = False
    """True for terms that step solvers do not see: ``Splitting`` takes them before and after a step."""

    @property
    def motions(self) -> tuple[tuple[str, str, Kernel], ...]:
        """The motions through kernels: (a, b, K) says that species a moves with -grad K * rho_b. a and b may be equal."""
        return ()


class KnownByVariation(Protocol):
    """An energy that is known by its first variation."""

    @property
    def involves(self) -> tuple[str, ...]:
        """The names of the species in the energy."""

    def first_variation(self, state: Any, species: str) -> Array:
        """Return dE / d rho of a species, at a state."""


class DensityFunction(Protocol):
    """A function U(s) of a density s >= 0, with its derivative U'(s)."""

    def integrand(self, s: Array) -> Array:
        """U(s)."""

    def derivative(self, s: Array) -> Array:
        """U'(s)."""


@dataclass(frozen=True, eq=False)
class Internal(Form):
    """int U(rho) dx of one species, with U(s) = entropy s log s + sum_k c_k s^m_k / (m_k - 1) + sum_k c_k U_k(s).

    ``powers`` are the pairs (c_k, m_k), ``others`` the pairs (c_k, U_k). Solvers treat the entropy and the powers in closed
    form. They know the others by their values and derivatives.
    """

    label: ClassVar[str] = "internal energies"
    species: str
    entropy: float = 0.0
    powers: tuple[tuple[float, float], ...] = ()
    others: tuple[tuple[float, DensityFunction], ...] = ()


@dataclass(frozen=True, eq=False)
class External(Form):
    """int V d rho of one species. V and its gradient are kept as they were given to ``Potential``."""

    label: ClassVar[str] = "potentials"
    species: str
    V: SpaceFunction | Any
    gradient: SpaceFunction | None = None

    @cached_property
    def depends_on_time(self) -> bool:
        """True if V is a function of the time too."""
        return takes_time(self.V)

    def at(self, time: float) -> External:
        """Return the potential of one instant: itself if it does not depend on time."""
        return External(self.species, fixed_at(self.V, time), fixed_at(self.gradient, time)) if self.depends_on_time else self


@dataclass(frozen=True, eq=False)
class Bound(Form):
    """The density of one species is at most ``density``."""

    label: ClassVar[str] = "bounds on the density"
    species: str
    density: float


@dataclass(frozen=True, eq=False)
class Shared(Form):
    """An internal energy, or a bound, of the sum s = sum_i w_i rho_i of several densities.

    ``of_sum`` is the form for a single density s. The first variation in species i is w_i U'(s).
    """

    label: ClassVar[str] = "internal energies and bounds of sums of species"
    weights: Mapping[str, float]
    of_sum: Internal | Bound


@dataclass(frozen=True, eq=False)
class Forbidden(Form):
    """One species holds no mass in the cells of a grid where ``mask(grid)`` is true."""

    label: ClassVar[str] = "obstacles"
    species: str
    mask: Callable[[Grid], Mask]


@dataclass(frozen=True, eq=False)
class Opening(Form):
    """The cells of a grid where ``mask(grid)`` is true are outside, and hold one species at a given density.

    Mass goes through the faces between these cells and the others. It is accounted for under ``name``.
    """

    label: ClassVar[str] = "doors and reservoirs"
    species: str
    mask: Callable[[Grid], Mask]
    density: float
    name: str


@dataclass(frozen=True, eq=False)
class Pair(Form):
    """Species ``a`` moves with -grad K * rho_b, and ``b`` with -grad K * rho_a. ``a`` and ``b`` may be the same species.

    The energy is int int K(x - y) d rho_a d rho_b, with a factor 1/2 if a and b are the same species.
    """

    label: ClassVar[str] = "pair interactions"
    kernel: Kernel
    a: str
    b: str

    @property
    def is_self(self) -> bool:
        """True if a and b are the same species."""
        return self.a == self.b

    @property
    def motions(self) -> tuple[tuple[str, str, Kernel], ...]:
        of_a, of_b = (self.a, self.b, self.kernel), (self.b, self.a, self.kernel)
        return (of_a,) if self.is_self else (of_a, of_b)


@dataclass(frozen=True, eq=False)
class OneWay(Form):
    """Species ``moves`` moves with -grad K * rho_by, and nothing acts back on ``by``. There is no energy."""

    label: ClassVar[str] = "drifts"
    has_energy: ClassVar[bool] = False
    kernel: Kernel
    moves: str
    by: str

    @property
    def motions(self) -> tuple[tuple[str, str, Kernel], ...]:
        return ((self.moves, self.by, self.kernel),)


@dataclass(frozen=True, eq=False)
class VelocityPull(Form):
    """Species ``moves`` is accelerated by sum_j m_j psi(|x - y_j|) (w_j - v) over the particles of ``by``: no energy.

    With ``groups`` the sum is over the particles of the same group, and their masses are multiplied by the number of groups.
    """

    label: ClassVar[str] = "alignments of velocities"
    has_energy: ClassVar[bool] = False
    psi: Callable[[Any], Any]
    moves: str
    by: str
    groups: int = 1


@dataclass(frozen=True, eq=False)
class Damping(Form):
    """One species is accelerated by -rate v. There is no energy."""

    label: ClassVar[str] = "frictions"
    has_energy: ClassVar[bool] = False
    species: str
    rate: float


@dataclass(frozen=True, eq=False)
class Carrying(Form):
    """Species ``species`` is carried by a velocity v(x): d rho / dt = -factor div(rho v). There is no energy."""

    label: ClassVar[str] = "velocity fields"
    has_energy: ClassVar[bool] = False
    is_outer: ClassVar[bool] = True
    species: str
    velocity: Callable[..., Any]

    def at(self, points: Array, time: float) -> Array:
        """The velocity at points (n, d), shape (n, d). Raises ValueError for a function that returns anything else."""
        count, dim = points.shape
        function = fixed_at(self.velocity, time)

        def components(*coordinates: Array) -> Array:
            parts = function(*coordinates)
            return np.stack([np.broadcast_to(p, count) for p in parts]) if isinstance(parts, tuple | list) else parts

        returned = called("velocity", components, list(points.T))
        if returned.shape != (dim, count) and not (dim == 1 and returned.shape in ((), (count,))):
            raise ValueError(f"velocity must return {dim} components for every point, got shape {returned.shape}")
        if not np.isfinite(returned).all():
            raise ValueError(f"velocity must be finite everywhere, and it is not at some of {count} points")
        return np.asarray(np.broadcast_to(returned, (dim, count)).T)


@dataclass(frozen=True, eq=False)
class Reacting(Form):
    """d rho / dt = factor rate(...) rho of one species. There is no energy.

    ``rate`` is a number, or a function of densities, places and the time, whose arguments are told apart by their names.
    """

    label: ClassVar[str] = "growth"
    has_energy: ClassVar[bool] = False
    is_outer: ClassVar[bool] = True
    species: str
    rate: float | Callable[..., Any]


class Held(Protocol):
    """A region in which the electric potential is given."""

    @property
    def voltage(self) -> float:
        """The potential."""

    def mask(self, grid: Grid) -> Mask:
        """An array over the grid that is True in the region."""


@dataclass(frozen=True, eq=False)
class FieldCoupling(Form):
    """int e/2 |grad psi|^2 dx, with -div(e grad psi) = sum_i z_i rho_i + doping (see ``DirichletCoupling``).

    The permittivity e is a number, a function of space or an array. psi is given in the ``electrodes``. The functions of
    ``laws.electrostatics`` take this form as an argument.
    """

    label: ClassVar[str] = "charges"
    charges: Mapping[str, float]
    permittivity: Any = 1.0
    doping: Any = None
    boundary: Wall = "neumann"
    electrodes: tuple[Held, ...] = ()
    _operators: dict[Grid, Elliptic] = field(default_factory=dict, repr=False)

    @property
    def must_be_neutral(self) -> bool:
        """True if psi exists for a total charge of 0 alone, whatever the dimension."""
        return self.boundary == "neumann" and not self.electrodes

    def operator(self, grid: Grid) -> Elliptic:
        """Poisson's equation on a grid, kept for the next call.

        Raises ValueError for a permittivity that is not positive somewhere, and for electrodes that share cells.
        """
        if grid.periodic and self.boundary != "neumann":
            raise ValueError(f"boundary must be 'neumann' on a torus, which has no walls, got {self.boundary!r} in {self!r}")
        if grid not in self._operators:
            e = self.permittivity
            e = grid.field("permittivity", e) if callable(e) or np.ndim(e) else np.full(grid.shape, float(e))
            if not (e > 0).all():
                raise ValueError(f"permittivity must be positive everywhere, and it is {e.min():g} somewhere on {grid!r}")
            held, given = np.zeros(grid.shape, dtype=bool), np.zeros(grid.shape)
            for electrode in self.electrodes:
                mask = electrode.mask(grid)
                if (held & mask).any():
                    raise ValueError(f"electrodes must not share cells, and {electrode!r} shares some")
                held, given = held | mask, np.where(mask, electrode.voltage, given)
            self._operators[grid] = Elliptic(grid, e, "dirichlet" if self.boundary == "dirichlet" else "neumann", held, given)
        return self._operators[grid]

    def __repr__(self) -> str:
        shown = [f"{name}={z:+g}" if name.isidentifier() else f"{{{name!r}: {z:+g}}}" for name, z in self.charges.items()]
        if callable(self.permittivity) or np.ndim(self.permittivity):
            shown.append("permittivity=...")
        elif self.permittivity != 1:
            shown.append(f"permittivity={self.permittivity:g}")
        if self.doping is not None:
            shown.append("doping=...")
        if self.boundary != "neumann":
            shown.append(f"boundary={self.boundary!r}")
        if self.electrodes:
            shown.append(f"electrodes={list(self.electrodes)!r}")
        return f"DirichletCoupling({', '.join(shown)})"


@dataclass(frozen=True, eq=False, repr=False)
class UniformCoupling(FieldCoupling):
    """A coupling by charge with a permittivity that is a number, and without electrodes."""

    label: ClassVar[str] = "charges in a uniform medium"
    permittivity: float = 1.0


@dataclass(frozen=True, eq=False)
class Relaxing(Form):
    """A field c decays and diffuses: dc/dt = diffusion lap c - decay c, the L2 gradient flow of the field's own energy."""

    label: ClassVar[str] = "energies of fields"
    is_signal: ClassVar[bool] = True
    field: str
    diffusion: float
    decay: float


@dataclass(frozen=True, eq=False)
class Emitting(Form):
    """Species ``by`` makes the field ``into``: dc/dt = profile * rho."""

    label: ClassVar[str] = "secretions"
    is_signal: ClassVar[bool] = True
    profile: Profile
    by: str
    into: str


@dataclass(frozen=True, eq=False)
class Steering(Form):
    """Species ``moves`` is drawn with eta grad c along the field ``along``."""

    label: ClassVar[str] = "chemotaxis"
    is_signal: ClassVar[bool] = True
    eta: float
    moves: str
    along: str


@dataclass(frozen=True, eq=False)
class Positions(Form):
    """A convex function of the positions of ordered particles, with its subgradient, its resolvent, or both."""

    label: ClassVar[str] = "convex functions of positions"
    species: tuple[str, ...]
    function: Callable[[Any], float]
    subgradient: Callable[[Any], Mapping[str, Any]] | None
    resolvent: Callable[[Any, float], Mapping[str, Any]] | None


@dataclass(frozen=True, eq=False)
class General(Form):
    """An energy of which only the value and the first variation are known."""

    label: ClassVar[str] = "energies known by value and first variation"
    energy: KnownByVariation


@dataclass(frozen=True, eq=False)
class Eliminated(General):
    """The part of the fields in a step of masses and fields together, at their best (``FieldsAfter``).

    Solvers that know fields take them apart. To the others it is an energy known by value and first variation.
    """

    label: ClassVar[str] = "fields of a joint step"
