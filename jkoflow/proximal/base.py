"""The problem of one step, its answer, and what a solver of it promises."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from .._status import Status
from .._typing import Array
from .._validate import positive, positive_integer
from ..grids import Grid
from ..laws import Law, LawForms
from ..laws.forms import Form
from ..measures import Measure, Species, complete_mobilities


@dataclass(frozen=True, eq=False)
class ProximalStep:
    """minimise over rho:  sum_i W2(rho_i, anchor_i)^2 / (2 tau alpha_i) + E(rho_1, ..., rho_S).

    Attributes
    ----------
    energy : Law
        E, with no drift in it.
    anchor : Species
        The state the step starts from.
    tau : float
        The parameter of the step, a time.
    mobilities : mapping
        alpha_i by species, 1 where silent.
    further : tuple of (weight, Species)
        More anchors, whose squared distances enter with a weight that may be negative:
        + sum_k weight_k sum_i W2(rho_i, further_k,i)^2 / (2 tau alpha_i). Schemes of higher order are made of them; solvers
        that take them say so.

    Raises ValueError when the energy holds a drift or names species that the anchor lacks, when a species holds no mass, when
    tau or a mobility is not positive, or a mobility is given for a species that is not there.
    """

    energy: Law
    anchor: Species
    tau: float
    mobilities: Mapping[str, float] = field(default_factory=dict)
    further: tuple[tuple[float, Species], ...] = ()

    def __post_init__(self) -> None:
        if not isinstance(self.energy, Law):
            raise ValueError(f"energy must be an energy or a sum of them, got {self.energy!r}")
        object.__setattr__(self, "anchor", self.energy.check(self.anchor))
        for name, measure in self.anchor.items():
            if not measure.mass > 0:
                raise ValueError(f"species {name!r} must hold mass, got a total of {measure.mass:g}")
        positive("tau", self.tau)
        if not self.energy.has_energy:
            drifts = ", ".join(repr(entry.term) for entry in self.energy.forms.entries if not entry.form.has_energy)
            raise ValueError(
                f"{drifts} has no energy, and no mobilities make the law symmetric (law.symmetrizable()), so there is "
                "no JKO step: use SemiImplicitJKO, which freezes it in every step"
            )
        object.__setattr__(self, "mobilities", complete_mobilities(self.mobilities, self.anchor))
        if not 1 + sum(weight for weight, _ in self.further) > 0:
            raise ValueError(f"weights of the anchors must add up to more than 0, got {[1.0, *(w for w, _ in self.further)]}")

    @property
    def forms(self) -> LawForms:
        """The terms of the energy by their forms."""
        return self.energy.forms

    @property
    def grid(self) -> Grid:
        """The grid of a step of densities; ValueError for any other."""
        return self.anchor.grid

    def weight(self, species: str) -> float:
        """tau alpha: the parameter that multiplies the first variation of the species."""
        return self.tau * self.mobilities[species]


@dataclass(frozen=True, eq=False)
class ProxResult:
    """The answer to a step.

    Attributes
    ----------
    state : Species
        The minimiser, as far as the status says.
    distances : mapping of float
        W2(state_i, anchor_i) by species, a length (of a mass-M species: the square root of the cost, not divided by M).
    potentials : mapping of arrays
        The Kantorovich potential phi_i of the cost |x - y|^2 / 2 from the state to the anchor, at the state's points:
        phi_i / (tau alpha_i) + dE / d rho_i is constant where there is mass.
    status : Status
    iterations : int
    residual : float
        In the unit that the solver documents.
    gap : float
        The duality gap of the step, an energy, where the solver knows one; NaN elsewhere.
    """

    state: Species
    distances: Mapping[str, float]
    potentials: Mapping[str, Array]
    status: Status
    iterations: int
    residual: float
    gap: float = float("nan")


class StepSolver(ABC):
    """Solves a ProximalStep. ``solves`` says in words which problem it really solves.

    What it accepts is data of the class, from which the refusals and the table in the docs come:

    * ``measures``: the kinds of measure, their subclasses included;
    * ``takes``: the forms of terms (see ``laws.forms``);
    * ``several_anchors``: whether it takes further anchors.

    A new solver defines ``solve`` and these; ``check`` where it refuses more than they say.
    """

    solves: ClassVar[str]
    measures: ClassVar[tuple[type[Measure], ...]] = (Measure,)
    takes: ClassVar[tuple[type[Form], ...]] = (Form,)
    several_anchors: ClassVar[bool] = False

    def filled_in(self, state: Species) -> StepSolver:
        """The same solver with every default filled in for this state."""
        return self

    def check(self, step: ProximalStep) -> None:
        """Raise ValueError, in words with the way out, for a step this solver does not accept."""
        self.must_take(step)

    def must_take(self, step: ProximalStep) -> None:
        """Raise ValueError for a measure, a further anchor or a term that the class says it does not take."""
        name = type(self).__name__
        if not issubclass(step.anchor.kind, self.measures):
            kinds = " and ".join(kind.__name__ for kind in self.measures)
            raise ValueError(f"{name} takes {kinds}, got {step.anchor.kind.__name__}: JKO() takes the solver for that")
        if step.further and not self.several_anchors:
            raise ValueError(
                f"{name} takes one anchor, and BDF2 and VariationalExtrapolation need more: take JKO with it, or Quantiles "
                "with QuantileNewton"
            )
        step.forms.require(self.takes, name, "docs/solvers.md says which solver takes what")

    @abstractmethod
    def solve(self, step: ProximalStep) -> ProxResult:
        """Solve the step, after :meth:`check`."""


class IterativeSolver(StepSolver):
    """A step solver that iterates until its residual is below ``tolerance``, at most ``max_iterations`` times."""

    tolerance: float
    max_iterations: int

    def __post_init__(self) -> None:
        positive("tolerance", self.tolerance)
        positive_integer("max_iterations", self.max_iterations)
