"""``evolve``, which takes a state along a law, and ``steps``, the generator of its steps."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from math import nan
from os import PathLike
from typing import Any, Literal

from .._log import log
from .._validate import finite, positive_integer
from .._version import VERSION
from ..laws import Law
from ..measures import Measure, Species, State
from ..schemes import Mobility, Scheme
from ..stopping import StoppingRule
from ..trajectory import MemoryRecord, RunDescription, Step, Trajectory
from .errors import FlowError
from .interrupts import Interrupts, is_interrupt
from .keepers import keeper_of
from .run import Beginning, Run, in_words

Observer = Callable[[Step], object]


def evolve(
    law: Law,
    state: Measure | Species | State | Trajectory,
    *,
    scheme: Scheme | None = None,
    dt: float | None = None,
    t_end: float,
    mobility: Mapping[str, Mobility] | None = None,
    stop: StoppingRule | Sequence[StoppingRule] = (),
    on_failure: Literal["raise", "return"] = "raise",
    progress: bool | None = None,
    store: str | PathLike[str] | None = None,
    keep: int | None = None,
    observe: Observer | Sequence[Observer] = (),
) -> Trajectory:
    """Compute the flow of a law from a state until a time, and return it as a Trajectory.

        d rho_i / dt = alpha_i div(rho_i grad dE / d rho_i)        with no flux through the walls of the grid

    Parameters
    ----------
    law : Law
        An energy, a drift, or a sum of energies and drifts.
    state : Measure, Species, State or Trajectory
        The state from which the flow starts. A trajectory is continued from its last state; the result holds all its steps too.
        It must be continued with the law, scheme and mobilities with which it began. Functions are compared by their names. A
        warning tells if their code, or the arrays of the law, are others.
    scheme : Scheme, optional
        The time scheme. Default: ``JKO()``.
    dt : float
        The time step. If t_end is no multiple of dt, the last step is shorter. For a scheme that chooses its steps, dt is the
        size of the first step that is tried. A scheme that is exact in time (Brezis, Overdamped) needs no dt: without it 100
        equal steps are recorded. A trajectory is continued with its own dt if none is given.
    t_end : float
        The time at which the run ends. The run starts at time 0, at the time of a State, or at the last time of the trajectory
        that is continued.
    mobility : mapping, optional
        alpha_i by species: numbers, or functions of the time. The mobility of a species that is not named is 1.
    stop : rule or rules, optional
        Stopping rules. A rule is called with every Step. If it returns a sentence, the run ends (see ``Steady``,
        ``EnergyBelow``, ``WallClock``).
    on_failure : "raise" or "return"
        What to do if a step is not solved: raise a FlowError that carries the trajectory, or return the trajectory.
    progress : bool, optional
        Whether to show a progress bar. Default: on a terminal and in a notebook.
    store : path, optional
        A new file that keeps the run as it grows. Every step is written before the next begins, so that the run survives the
        death of the process at any moment; a power cut costs at most the steps of the last two seconds. ``jkoflow.open(path)``
        reads it, also while it is written. A trajectory that was opened is continued in its own file.
    keep : int, optional
        How many last steps are held in memory. The steps before are dropped. Default: all. A run with a ``store`` holds none in
        memory, and all in the file.
    observe : function or functions, optional
        Called with every Step after it was kept, for instance ``plot.Live()``.

    Returns
    -------
    Trajectory
        The run. After Ctrl-C it holds the steps taken until then, and ``flow.ok`` is False.

    Raises
    ------
    ValueError
        Before any work, if the law, the state, dt or an option is invalid.
    FlowError
        If a step is not solved and ``on_failure`` is "raise"; if a step, a rule, an observer or the store raises an exception,
        which is then its cause. The error carries the trajectory so far.

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
    rules = _functions("stop", "rule", stop)
    observers = _functions("observe", "function", observe)
    if keep is not None:
        positive_integer("keep", keep)
    beginning, t_end = Beginning.of(state), finite("t_end", t_end)
    run = _checked(law, beginning, scheme, dt, t_end, mobility)
    keeper = keeper_of(run, store, keep)
    outcome, complete, now, failed = f"reached t = {t_end:g}", True, "the first step", None
    with Interrupts() as interrupts:
        try:
            for step in _with_bar(run, progress):
                now = f"writing step {step.index}"
                with interrupts.held():
                    keeper.add(step)
                interrupts.check()
                info = step.info
                log.info("step %d to t = %g: energy %g, %s", step.index, step.time, step.energy, info.status.name)
                now = f"an observer of step {step.index}"
                for observer in observers:
                    observer(step)
                if not info.status.ok:
                    outcome, failed = f"failed in step {step.index}: {info.status}", step
                    break
                now = f"a stopping rule after step {step.index}"
                reasons = [reason for reason in (rule(step) for rule in rules) if reason]
                if reasons:
                    outcome = f"stopped: {reasons[0]}"
                    break
                now = f"step {step.index + 1}"
        except BaseException as error:
            if not is_interrupt(error):
                kind = f"{type(error).__name__}: {error}"
                flow = keeper.finish(f"failed in {now}: {kind}", complete=False)
                if not isinstance(error, Exception):
                    raise
                raise FlowError(f"{now} raised {kind}. The trajectory so far is in this error's .trajectory", flow) from error
            outcome, complete = "interrupted from the keyboard", False
            print(f"jkoflow: interrupted in {now}; the trajectory so far is returned", file=sys.stderr)
    flow = keeper.finish(outcome, complete)
    if failed is not None and on_failure == "raise":
        info = failed.info
        numbers = f" (residual {info.residual:.3g} after {info.iterations} iterations)" if info.iterations else ""
        raise FlowError(
            f"step {failed.index} to t = {failed.time:g} was not solved: {info.status}{numbers}. "
            "The trajectory so far is in this error's .trajectory; "
            'on_failure="return" returns it',
            flow,
        )
    return flow


def steps(
    law: Law,
    state: Measure | Species | State | Trajectory,
    *,
    scheme: Scheme | None = None,
    dt: float | None = None,
    t_end: float,
    mobility: Mapping[str, Mobility] | None = None,
) -> Iterator[Step]:
    """Yield the steps of a flow one at a time, as ``evolve`` takes them.

    A step that is not solved is yielded too, and is the last. The arguments are checked at the call, before the first step is
    asked for. They are those of ``evolve``. ``Trajectory.of(steps)`` makes a trajectory of steps.

    >>> import jkoflow as jf
    >>> rho = jf.Grid.box((0, 1), cells=16).density(lambda x: 1 + x)
    >>> [round(step.time, 3) for step in steps(jf.Entropy(), rho, dt=0.01, t_end=0.025)]
    [0.01, 0.02, 0.025]
    """
    return iter(Run(law, Beginning.of(state), scheme, dt, t_end, mobility))


def _checked(law: Law, beginning: Beginning, *rest: Any) -> Run:
    """The checked run. An exception of a function of the user at the first look is a FlowError, as in a step."""
    try:
        return Run(law, beginning, *rest)
    except ValueError:
        raise
    except Exception as error:
        start = beginning.state
        if beginning.before is not None:
            flow = beginning.before
        else:
            ones = dict.fromkeys(start.masses, 1.0)
            description = RunDescription(in_words(law), "", ones, ones, 1.0, start.time, VERSION)
            record = MemoryRecord(description, start, nan, {})
            record.end("failed before the first step", False)
            flow = Trajectory(record)
        told = f"{type(error).__name__}: {error}. The state is in this error's .trajectory"
        raise FlowError(f"the first look at the problem raised {told}", flow) from error


def _functions(name: str, noun: str, given: Any) -> Sequence[Callable[[Step], Any]]:
    """A function of a Step, or a sequence of them, as a sequence."""
    functions = (given,) if callable(given) else given
    if not isinstance(functions, Sequence) or not all(map(callable, functions)):
        raise ValueError(f"{name} must be a {noun} or a sequence of {noun}s, functions of a Step, got {given!r}")
    return functions


def _with_bar(run: Run, progress: bool | None) -> Iterator[Step]:
    """Yield the steps, with a progress bar if ``progress`` says so, or by default on a terminal and in a notebook."""
    from tqdm.auto import tqdm

    shown = progress if progress is not None else (sys.stderr.isatty() or "ipykernel" in sys.modules)
    # a terminal that tells no width has the usual one
    width = None if "ipykernel" in sys.modules else shutil.get_terminal_size().columns or 80
    with tqdm(total=run.clock.count, disable=not shown, unit="step", desc=type(run.scheme).__name__, ncols=width) as bar:
        for step in run:
            bar.set_postfix(t=f"{step.time:.4g}", energy=f"{step.energy:.6g}", refresh=False)
            bar.update()
            yield step
