"""The problem of one step, its answer, and the base classes of the solvers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from .._status import Status
from .._typing import Array
from .._validate import of_kind, plain_numbers, positive, positive_integer
from ..grids import Grid
from ..laws import Law, LawForms
from ..laws.forms import Damping, Form, VelocityPull
from ..measures import Density, Measure, Particles, Species, complete_mobilities


@dataclass(frozen=True, eq=False)
class ProximalStep:
    """The problem of one step: minimise over rho  sum_i W2(rho_i, anchor_i)^2 / (2 tau alpha_i) + E(rho_1, ..., rho_S).

    Attributes
    ----------
    energy : Law
        E. Every term has an energy: a Drift is not accepted.
    anchor : Species
        The state from which the step starts.
    tau : float
        The parameter of the step, a time.
    mobilities : mapping of float
        alpha_i by species. The default is 1.
    further : tuple of (weight, Species)
        Further anchors. Their squared distances are added to the objective, with weights that may be negative:
        sum_k weight_k sum_i W2(rho_i, further_k,i)^2 / (2 tau alpha_i). Schemes of higher order use them. A solver accepts
        them if its class has ``several_anchors = True``.
    guess : mapping of arrays
        By species, about what ``ProxResult.potentials`` will be: a start for solvers whose class has ``takes_guess = True``. It
        does not change the problem.

    Notes
    -----
    Raises ValueError

    * if ``energy`` is not a Law, holds a term without an energy, or names a species that the anchor lacks;
    * if a species has no mass, and no Reservoir to come from;
    * if tau or a mobility is not positive, or a mobility is given for a species that the anchor lacks;
    * if the weights of all anchors, 1 for ``anchor`` included, do not add up to more than 0.

    >>> import jkoflow as jf
    >>> rho = jf.Grid.box((0, 1), cells=16).density(lambda x: 1 + x)
    >>> step = jf.ProximalStep(jf.Entropy(), jf.Species.of(rho), tau=0.1)
    >>> jf.BackAndForth().solve(step).status.ok
    True
    """

    energy: Law
    anchor: Species
    tau: float
    mobilities: Mapping[str, float] = field(default_factory=dict)
    further: tuple[tuple[float, Species], ...] = ()
    guess: Mapping[str, Array] = field(default_factory=dict)

    def __post_init__(self) -> None:
        plain_numbers(self)
        if not isinstance(self.energy, Law):
            raise ValueError(f"energy must be an energy or a sum of them, got {self.energy!r}")
        object.__setattr__(self, "anchor", self.energy.check(self.anchor))
        filled = {entry.form.species for entry in self.energy.forms.openings if entry.form.fills}
        for name, measure in self.anchor.items():
            if not measure.mass > 0 and name not in filled:
                raise ValueError(f"species {name!r} must hold mass, got a total of {measure.mass:g}")
        positive("tau", self.tau)
        if self.energy.depends_on_time:
            raise ValueError(f"energy must be that of one instant, and {self.energy!r} depends on the time: take law.at(time)")
        if not self.energy.has_energy:
            drifts = ", ".join(repr(entry.term) for entry in self.energy.forms.entries if not entry.form.has_energy)
            on_velocities = any(isinstance(entry.form, VelocityPull | Damping) for entry in self.energy.forms.entries)
            way_out = (
                "use Inertial or Langevin on MovingParticles, or Kinetic on PhaseDensity"
                if on_velocities
                else "use SemiImplicitJKO, which freezes it in every step"
            )
            raise ValueError(
                f"{drifts} has no energy, and no mobilities make the law symmetric (law.symmetrizable()), so there is "
                f"no JKO step: {way_out}"
            )
        object.__setattr__(self, "mobilities", complete_mobilities(self.mobilities, self.anchor))
        if not isinstance(self.further, tuple) or not all(isinstance(pair, tuple) and len(pair) == 2 for pair in self.further):
            raise ValueError(f"further must be a tuple of pairs (weight, Species), got {self.further!r}")
        if not 1 + sum(weight for weight, _ in self.further) > 0:
            raise ValueError(f"weights of the anchors must add up to more than 0, got {[1.0, *(w for w, _ in self.further)]}")

    @property
    def forms(self) -> LawForms:
        """The terms of the energy by their forms."""
        return self.energy.forms

    @property
    def grid(self) -> Grid:
        """The grid of the anchor. Raises ValueError if the anchor is not made of densities."""
        return self.anchor.grid

    def same_as(self, other: ProximalStep) -> bool:
        """True if the other step has the same law, anchors and numbers. Anchors are compared as objects."""
        anchors, others = ([step.anchor, *(state for _, state in step.further)] for step in (self, other))
        numbers, other_numbers = ([step.tau, step.mobilities, *(w for w, _ in step.further)] for step in (self, other))
        same_anchors = len(anchors) == len(others) and all(a is b for a, b in zip(anchors, others, strict=True))
        return self.energy is other.energy and same_anchors and numbers == other_numbers

    def weight(self, species: str) -> float:
        """tau alpha of a species, which multiplies its first variation in the conditions of the step."""
        return self.tau * self.mobilities[species]


@dataclass(frozen=True, eq=False)
class ProxResult:
    """The answer to a step.

    Attributes
    ----------
    state : Species
        The minimiser, if ``status.ok``; else the best state that the solver reached.
    distances : mapping of float
        W2(state_i, anchor_i) by species. For a species of mass M this is the square root of the transport cost, not divided
        by M.
    potentials : mapping of arrays
        By species, the Kantorovich potential phi_i of the cost |x - y|^2 / 2 from the state to the anchor, at the points of
        the state. phi_i / (tau alpha_i) + dE / d rho_i is constant where there is mass.
    status : Status
    iterations : int
        Their number, as the solver counts them.
    residual : float
        What is left of the equations of the step, in the unit that the solver documents.
    gap : float
        The duality gap of the step, an energy. NaN if the solver does not know it.
    outflow : mapping
        By species, the mass that left through every door, by its name; what entered counts negative.
    energy_out : float
        The energy that went through the doors with the mass: dE/drho there times what left. NaN where it is infinite.
    pressures : mapping of arrays
        By species under a bound, the pressure that holds it: an energy per mass, 0 where there is room, if the solver tells it.
    warning : Warning, optional
        What ``solve`` has warned of.
    paid : float
        The cost of transport in the objective that the solver minimises, an energy. NaN if it is that of the distances.

    >>> import jkoflow as jf
    >>> rho = jf.Grid.box((0, 1), cells=16).density(lambda x: 1 + x)
    >>> step = jf.ProximalStep(jf.Entropy(), jf.Species.of(rho), tau=0.1)
    >>> answer = jf.FiniteVolume().solve(step)
    >>> answer.status.name, bool(answer.distances[""] > 0), bool(answer.state[""].values.max() < rho.values.max())
    ('CONVERGED', True, True)
    """

    state: Species
    distances: Mapping[str, float]
    potentials: Mapping[str, Array]
    status: Status
    iterations: int
    residual: float
    gap: float = float("nan")
    outflow: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    energy_out: float = 0.0
    pressures: Mapping[str, Array] = field(default_factory=dict)
    warning: Warning | None = None
    paid: float = float("nan")


class StepSolver(ABC):
    """A solver of a ProximalStep.

    The class says which problem it solves, and what it accepts. The checks and the table in docs/solvers.md use this:

    * ``solves``: in words, the problem that the solver really solves;
    * ``measures``: the kinds of measure that it accepts, their subclasses included;
    * ``takes``: the forms of terms that it accepts (see ``laws.forms``);
    * ``several_anchors``: whether it accepts further anchors;
    * ``tells_speed``: whether its distances are tau times the speed after the step;
    * ``takes_guess``: whether it begins from ``ProximalStep.guess``;
    * ``takes_torus``: whether it accepts densities on a torus;
    * ``tells_pressure``: whether it tells ``ProxResult.pressures``.

    A new solver defines these and ``solve``. It also defines ``prepare`` if it refuses more steps than these say.

    >>> import jkoflow as jf
    >>> jf.QuantileNewton().measures, isinstance(jf.Entropic(), StepSolver)
    ((<class 'jkoflow.measures.quantiles.Quantiles'>,), True)
    """

    solves: ClassVar[str]
    measures: ClassVar[tuple[type[Measure], ...]] = (Measure,)
    takes: ClassVar[tuple[type[Form], ...]] = (Form,)
    several_anchors: ClassVar[bool] = False
    tells_speed: ClassVar[bool] = False
    takes_guess: ClassVar[bool] = False
    takes_torus: ClassVar[bool] = False
    tells_pressure: ClassVar[bool] = False

    def filled_in(self, state: Species) -> StepSolver:
        """The same solver with every default that depends on the state filled in for this state."""
        return self

    def check(self, step: ProximalStep) -> None:
        """Raise ValueError for a step that this solver does not accept. The message says what to do instead.

        What ``prepare`` makes of the step is kept for the ``solve`` that comes next.
        """
        step.forms.keep("prepared", (self, step, self.prepare(step)))

    def prepare(self, step: ProximalStep) -> Any:
        """Return the step in the form in which the solver works on it. Raises ValueError as ``check`` does."""
        self.must_take(step)

    def prepared(self, step: ProximalStep) -> Any:
        """Return what ``prepare`` makes of the step: as ``check`` kept it, if ``check`` saw the same step last."""
        kept = step.forms.taken("prepared")
        if kept is not None and kept[0] is self and kept[1].same_as(step):
            return kept[2]
        return self.prepare(step)

    def must_take(self, step: ProximalStep) -> None:
        """Raise ValueError for a measure, further anchors or a term that the class does not list as accepted."""
        name = type(self).__name__
        of_kind("step", step, ProximalStep, "a ProximalStep")
        if not issubclass(step.anchor.kind, self.measures):
            kinds = " and ".join(kind.__name__ for kind in self.measures)
            raise ValueError(f"{name} takes {kinds}, got {step.anchor.kind.__name__}: JKO() takes the solver for that")
        if step.further and not self.several_anchors:
            raise ValueError(
                f"{name} takes one anchor, and BDF2 and VariationalExtrapolation need more: take "
                "QuantileNewton() on Quantiles or FiniteVolume() on a Density, or another scheme: JKO()"
            )
        if issubclass(step.anchor.kind, Density) and not self.takes_torus:
            step.grid.must_have_walls(name)
        way_out = "solvers.md in the documentation says which solver takes what (`jkoflow docs`)"
        if issubclass(step.anchor.kind, Particles):
            way_out = "particles diffuse by noise, Langevin(seed) with D * Entropy(); for other terms take cloud.density(grid)"
        step.forms.require(self.takes, name, way_out)

    @abstractmethod
    def solve(self, step: ProximalStep) -> ProxResult:
        """Solve a step that :meth:`check` accepts."""

    def solve_quietly(self, step: ProximalStep) -> ProxResult:
        """Solve a step as :meth:`solve` does. The answer holds what that would warn of: a scheme may take another solver."""
        return self.solve(step)


class IterativeSolver(StepSolver):
    """A step solver that iterates until its residual is at most ``tolerance``, and at most ``max_iterations`` times.

    Raises ValueError if ``tolerance`` is not positive or ``max_iterations`` is not a positive integer.
    """

    tolerance: float
    max_iterations: int

    def __post_init__(self) -> None:
        plain_numbers(self)
        positive("tolerance", self.tolerance)
        positive_integer("max_iterations", self.max_iterations)
