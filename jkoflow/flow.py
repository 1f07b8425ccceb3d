"""``evolve``, which takes a state along a law, and ``steps``, the generator of its steps."""

from __future__ import annotations

import sys
import time as clock
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ._clock import ChosenSteps, EqualSteps
from ._validate import finite, positive
from .laws import Law, gradient_form
from .measures import Measure, Species, complete_mobilities
from .schemes import JKO, Past, Scheme
from .stopping import StoppingRule
from .trajectory import Step, Trajectory

_DEFAULT_STEPS = 100  # equal steps of a scheme that is exact in time, if no dt is given


class FlowError(RuntimeError):
    """A step could not be solved.

    ``trajectory`` holds the run up to this step. The last step is the one that was not solved: its status says what happened.
    """

    def __init__(self, message: str, trajectory: Trajectory) -> None:
        super().__init__(message)
        self.trajectory = trajectory


def evolve(
    law: Law,
    state: Measure | Species | Trajectory,
    *,
    scheme: Scheme | None = None,
    dt: float | None = None,
    t_end: float,
    mobility: Mapping[str, float] | None = None,
    stop: StoppingRule | Sequence[StoppingRule] = (),
    on_failure: Literal["raise", "return"] = "raise",
    progress: bool | None = None,
) -> Trajectory:
    """Compute the flow of a law from a state until a time, and return it as a Trajectory.

        d rho_i / dt = alpha_i div(rho_i grad dE / d rho_i)        with no flux through the walls of the grid

    Parameters
    ----------
    law : Law
        An energy, a drift, or a sum of energies and drifts.
    state : Measure, Species or Trajectory
        The state from which the flow starts. A trajectory is continued from its last state; the result holds all its steps too.
    scheme : Scheme, optional
        The time scheme. Default: ``JKO()``.
    dt : float
        The time step. If t_end is no multiple of dt, the last step is shorter. For a scheme that chooses its steps, dt is the
        size of the first step that is tried. A scheme that is exact in time (Brezis, Overdamped) needs no dt: without it 100
        equal steps are recorded.
    t_end : float
        The time at which the run ends. The run starts at time 0, or at the last time of the trajectory that is continued.
    mobility : mapping, optional
        alpha_i by species. The mobility of a species that is not named is 1.
    stop : rule or rules, optional
        Stopping rules. A rule is called with every Step. If it returns a sentence, the run ends (see ``Steady``,
        ``EnergyBelow``, ``WallClock``).
    on_failure : "raise" or "return"
        What to do if a step is not solved: raise a FlowError that carries the trajectory, or return the trajectory.
    progress : bool, optional
        Whether to show a progress bar. Default: on a terminal and in a notebook.

    Returns
    -------
    Trajectory
        The run. After Ctrl-C it holds the steps taken until then.

    Raises
    ------
    ValueError
        Before any work, if the law, the state, dt or an option is invalid.
    FlowError
        If a step is not solved and ``on_failure`` is "raise".

    Examples
    --------
    >>> import numpy as np, jkoflow as jf
    >>> grid = jf.Grid.box((-4, 4), cells=100)
    >>> rho = grid.density(lambda x: np.exp(-2 * (x - 1) ** 2))
    >>> flow = evolve(jf.Entropy() + jf.Potential(lambda x: x**2 / 2), rho, dt=0.1, t_end=0.5)
    >>> len(flow), round(float(flow.final.mean) * 1.1**5, 3)                  # the exact JKO mean is 1 / 1.1^5
    (6, 1.0)
    """
    if on_failure not in ("raise", "return"):
        raise ValueError(f'on_failure must be "raise" or "return", got {on_failure!r}')
    rules = (stop,) if callable(stop) else stop
    if not isinstance(rules, Sequence) or not all(map(callable, rules)):
        raise ValueError(f"stop must be a rule or a sequence of rules, functions of a Step, got {stop!r}")
    beginning = _Beginning.of(state)
    run = _Run(law, beginning, JKO() if scheme is None else scheme, dt, t_end, mobility)
    taken: list[Step] = []
    outcome = f"reached t = {t_end:g}"
    try:
        for step in run.with_bar(progress):
            taken.append(step)
            if not step.info.status.ok:
                outcome = f"failed in step {step.index}: {step.info.status}"
                break
            reasons = [reason for reason in (rule(step) for rule in rules) if reason]
            if reasons:
                outcome = f"stopped: {reasons[0]}"
                break
    except KeyboardInterrupt:
        outcome = "interrupted from the keyboard"
    flow = run.trajectory(taken, outcome)
    if taken and not taken[-1].info.status.ok and on_failure == "raise":
        info = taken[-1].info
        numbers = f" (residual {info.residual:.3g} after {info.iterations} iterations)" if info.iterations else ""
        raise FlowError(
            f"step {taken[-1].index} to t = {taken[-1].time:g} was not solved: {info.status}{numbers}. "
            "The trajectory so far is in this error's .trajectory; "
            'on_failure="return" returns it',
            flow,
        )
    return flow


def steps(
    law: Law,
    state: Measure | Species | Trajectory,
    *,
    scheme: Scheme | None = None,
    dt: float | None = None,
    t_end: float,
    mobility: Mapping[str, float] | None = None,
) -> Iterator[Step]:
    """Yield the steps of a flow one at a time, as ``evolve`` takes them.

    A step that is not solved is yielded too, and is the last. The arguments are checked at the call, before the first step is
    asked for. They are those of ``evolve``.

    >>> import jkoflow as jf
    >>> rho = jf.Grid.box((0, 1), cells=16).density(lambda x: 1 + x)
    >>> [round(step.time, 3) for step in steps(jf.Entropy(), rho, dt=0.01, t_end=0.025)]
    [0.01, 0.02, 0.025]
    """
    return iter(_Run(law, _Beginning.of(state), JKO() if scheme is None else scheme, dt, t_end, mobility))


@dataclass(frozen=True)
class _Beginning:
    """Where a run starts: a state at time 0, or a trajectory to be continued."""

    state: Species
    before: Trajectory | None

    @classmethod
    def of(cls, state: Measure | Species | Trajectory) -> _Beginning:
        if not isinstance(state, Trajectory):
            return cls(Species.of(state), None)
        if state.selected is not None:
            raise ValueError(f"state must be a whole trajectory to be continued, got that of species {state.selected!r} alone")
        return cls(state.snapshots[-1], state)


class _Run:
    """A checked run: iterating over it takes the steps."""

    def __init__(
        self,
        law: Law,
        beginning: _Beginning,
        scheme: Scheme,
        dt: float | None,
        t_end: float,
        mobility: Mapping[str, float] | None,
    ) -> None:
        if not isinstance(law, Law):
            raise ValueError(f"law must be an energy, a drift or a sum of them, got {type(law).__name__}")
        if not isinstance(scheme, Scheme):
            raise ValueError(f"scheme must be a Scheme such as JKO(), got {scheme!r}")
        self.beginning = beginning
        t_end = finite("t_end", t_end)
        dt = positive("dt", self._default_dt(scheme, t_end) if dt is None else dt)
        self.state = law.check(beginning.state)
        self.law, self.mobilities = _driven_by(
            law, scheme, complete_mobilities(mobility, self.state), mobility, beginning.before
        )
        self.scheme = scheme.filled_in(self.law, self.state)
        self.clock = (ChosenSteps if scheme.chooses_dt else EqualSteps)(beginning.before, dt, t_end)
        self.carry = self.scheme.init(self.law, self.state, dt, self.mobilities, _past(beginning.before))
        self.first_energy = self._energy(self.state)

    def _default_dt(self, scheme: Scheme, t_end: float) -> float:
        """The dt of a scheme that is exact in time, if none is given: a hundredth of the time to t_end."""
        if not scheme.exact_in_time:
            raise ValueError(f"dt must be given for {type(scheme).__name__}, whose error depends on it, got None")
        before = self.beginning.before
        now = 0.0 if before is None else float(before.times[-1])
        if t_end <= now:
            raise ValueError(f"t_end must lie after the start t = {now:g}, got {t_end!r}")
        return (t_end - now) / _DEFAULT_STEPS

    def _energy(self, state: Species) -> float:
        return self.law(state) if self.law.has_energy else np.nan

    def __iter__(self) -> Iterator[Step]:
        state, carry, started = self.state, self.carry, clock.perf_counter()
        while self.clock.running:
            state, carry, info = self.scheme.step(self.law, state, self.clock.propose(), self.mobilities, carry)
            index, time, dt = self.clock.advance(info)
            yield Step(
                index=index,
                time=time,
                dt=dt,
                state=state.unwrapped,
                energy=self._energy(state),
                info=info,
                dissipation=sum(
                    distance**2 / (self.mobilities[species] * dt**2) for species, distance in info.distances.items()
                ),
                elapsed=clock.perf_counter() - started,
            )
            if not info.status.ok:
                return

    def with_bar(self, progress: bool | None) -> Iterator[Step]:
        """Yield the steps, with a progress bar if ``progress`` says so, or by default on a terminal and in a notebook."""
        from tqdm.auto import tqdm

        shown = progress if progress is not None else (sys.stderr.isatty() or "ipykernel" in sys.modules)
        with tqdm(total=self.clock.count, disable=not shown, unit="step", desc=type(self.scheme).__name__) as bar:
            for step in self:
                bar.set_postfix(t=f"{step.time:.4g}", energy=f"{step.energy:.6g}", refresh=False)
                bar.update()
                yield step

    def trajectory(self, taken: list[Step], outcome: str) -> Trajectory:
        """The trajectory of the steps taken, after the trajectory that is continued."""
        before = self.beginning.before
        start = (0.0,) if before is None else tuple(before.times)
        energies = (self.first_energy,) if before is None else tuple(before.energies)
        return Trajectory(
            times=np.array([*start, *(step.time for step in taken)]),
            snapshots=((self.state,) if before is None else before.snapshots) + tuple(Species.of(step.state) for step in taken),
            energies=np.array([*energies, *(step.energy for step in taken)]),
            dts=np.array([*(() if before is None else before.dts), *(step.dt for step in taken)], dtype=np.float64),
            infos=(() if before is None else before.infos) + tuple(step.info for step in taken),
            mobilities=dict(self.mobilities),
            scheme=repr(self.scheme),
            outcome=outcome,
        )


def _driven_by(
    law: Law,
    scheme: Scheme,
    mobilities: Mapping[str, float],
    given: Mapping[str, float] | None,
    before: Trajectory | None,
) -> tuple[Law, Mapping[str, float]]:
    """The law and the mobilities as the scheme takes them.

    If the scheme needs an energy and the law has none, they are the gradient form of the law: an energy, and mobilities that
    are multiplied by those of the form.

    If no mobilities are given, they are those of the trajectory that is continued. If that trajectory has energies and the law
    has none, it was run in gradient form. Its mobilities then hold the factors of the form already.
    """
    in_form = False
    if given is None and before is not None:
        mobilities, in_form = before.mobilities, not law.has_energy and not np.isnan(before.energies[0])
    form = None if law.has_energy else gradient_form(law)
    if form is None:
        return law, mobilities
    energy, alpha = form
    if scheme.needs_energy:
        return energy, mobilities if in_form else {name: alpha.get(name, 1.0) * mobilities[name] for name in mobilities}
    return law, {name: mobilities[name] / alpha.get(name, 1.0) for name in mobilities} if in_form else mobilities


def _past(before: Trajectory | None) -> Past | None:
    """The past that a scheme with ``looks_back`` needs of the trajectory that is continued. None if it has one state."""
    if before is None or len(before) < 2:
        return None
    return Past(before.snapshots[-2], float(before.dts[-1]))
