"""What all audits share: units, the verdict on a problem, and the count of verdicts."""

from __future__ import annotations

import signal
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

EPS = float(np.finfo(float).eps)
LONG = np.longdouble
SECONDS = 120
KINDS = ("CONVERGED", "honest failure", "refused", "exception", "FALSE SUCCESS", "unsure")


@dataclass(frozen=True)
class Units:
    """The units in which a problem of natural size is posed.

    Mobilities are multiples of ``mobility``. So an energy is a multiple of mass length^2 / (time mobility).
    """

    mass: float = 1.0
    length: float = 1.0
    time: float = 1.0
    mobility: float = 1.0
    origin: float = 0.0
    """In lengths."""

    @property
    def energy(self) -> float:
        return self.mass * self.length**2 / (self.time * self.mobility)

    @property
    def potential(self) -> float:
        """An energy per mass."""
        return self.length**2 / (self.time * self.mobility)

    def place(self, x: Any) -> Any:
        """A place of natural size, as the user writes it."""
        return self.length * (self.origin + np.asarray(x))

    def natural(self, x: Any) -> Any:
        """A place that a user writes, in natural size, without a further rounding."""
        return np.asarray(x, dtype=LONG) / LONG(self.length) - LONG(self.origin)


def random_units(rng: np.random.Generator, farthest: float) -> Units:
    """Random units, from those of molecules to those of planets. Three problems in ten are far from the origin."""
    if rng.random() < 0.3:
        units = {}
    else:
        low, high = np.array([-18, -9, -9, -6]), np.array([23, 9, 9, 6])
        units = dict(zip(("mass", "length", "time", "mobility"), 10.0 ** rng.uniform(low, high), strict=True))
    origin = float(10.0 ** rng.uniform(0, max(np.log10(farthest), 0.01))) * rng.choice([-1, 1]) if rng.random() < 0.3 else 0.0
    return Units(**{name: float(value) for name, value in units.items()}, origin=origin)


@dataclass
class Case:
    """A random problem: what is called, what judges the answer, and a few words on it."""

    step: Callable[[], Any]
    solver: Any
    judge: Callable[[Any], list[str]]
    words: str


@dataclass
class Verdict:
    """What came of a problem."""

    kind: str
    text: str = ""
    seconds: float = 0.0
    words: str = ""


@dataclass
class Table:
    """The counts of verdicts."""

    counts: Counter = field(default_factory=Counter)
    seconds: float = 0.0

    def add(self, verdict: Verdict) -> None:
        self.counts[verdict.kind] += 1
        self.seconds += verdict.seconds

    def row(self, name: str) -> str:
        total = sum(self.counts.values())
        return f"{name:18} problems {total:6}  " + "  ".join(f"{kind} {self.counts[kind]}" for kind in KINDS)


class HangError(BaseException):
    """A call lasted too long."""


def _too_long(number: int, frame: Any) -> None:
    raise HangError


def tried(make: Callable[[np.random.Generator], Case], seed: int, index: int) -> Verdict:
    """Make one problem, solve it and judge the answer."""
    rng = np.random.default_rng([seed, index])
    case = make(rng)
    began = time.perf_counter()
    signal.signal(signal.SIGALRM, _too_long)
    signal.alarm(SECONDS)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                step = case.step()
                case.solver.check(step)
            except ValueError as reason:
                return Verdict("refused", str(reason)[:160], words=case.words)
            result = case.solver.solve(step)
    except HangError:
        return Verdict("exception", f"no answer within {SECONDS} s", float(SECONDS), case.words)
    except Exception as reason:
        where = traceback.extract_tb(reason.__traceback__)[-1]
        text = f"{type(reason).__name__}: {str(reason)[:120]} at {where.filename.split('/')[-1]}:{where.lineno}"
        return Verdict("exception", text, words=case.words)
    finally:
        signal.alarm(0)
    seconds = time.perf_counter() - began
    if not result.status.ok or result.status.name != "CONVERGED":
        return Verdict("honest failure", f"{result.status.name}, residual {result.residual:.2g}", seconds, case.words)
    with np.errstate(all="ignore"):
        complaints = case.judge(result)
    sure = [text for text in complaints if not text.startswith("?")]
    if complaints:
        return Verdict("FALSE SUCCESS" if sure else "unsure", "; ".join(sure or complaints), seconds, case.words)
    return Verdict("CONVERGED", "", seconds, case.words)
