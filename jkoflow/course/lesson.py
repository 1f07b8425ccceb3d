"""The lessons, and where they are."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from pathlib import Path

from .exercise import Exercise

_HERE = Path(__file__).parent


@dataclass(frozen=True)
class Lesson:
    """One lesson: its number from 1 to 10, the name of its files, and its title."""

    number: int
    name: str
    title: str

    @property
    def path(self) -> Path:
        """The notebook, a file of Python."""
        return _HERE / "lessons" / f"lesson_{self.number:02}_{self.name}.py"

    @property
    def exercises(self) -> tuple[Exercise, ...]:
        """The exercises, in the order of the lesson."""
        return tuple(importlib.import_module(f"{__package__}.exercises.lesson_{self.number:02}").EXERCISES)

    @property
    def solutions(self) -> tuple[str, ...]:
        """The solutions of the exercises, as code."""
        return tuple(importlib.import_module(f"{__package__}.solutions.lesson_{self.number:02}").SOLUTIONS)


LESSONS = (
    Lesson(1, "metric", "The metric: how far apart are two masses?"),
    Lesson(2, "jko", "The JKO scheme: steepest descent in a space of masses"),
    Lesson(3, "entropy", "Entropy and heat"),
    Lesson(4, "convexity", "Convexity and rates"),
    Lesson(5, "porous_medium", "The porous medium equation"),
    Lesson(6, "quantiles", "Quantiles: the line is flat"),
    Lesson(7, "two_species", "Two species"),
    Lesson(8, "particles", "Particles and their limits"),
    Lesson(9, "ions", "Ions: Poisson, Nernst and Planck"),
    Lesson(10, "chemotaxis", "Chemotaxis: Keller and Segel"),
)
