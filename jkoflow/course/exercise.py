"""Exercises: a task, a beginning in code, and a check that says whether it is solved."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

import jkoflow


class Verdict(NamedTuple):
    """Whether an answer solves an exercise, and a sentence that says why not."""

    solved: bool
    message: str


@dataclass(frozen=True)
class Exercise:
    """A task with a check.

    Attributes
    ----------
    title : str
    task : str
        The task, in Markdown with formulas.
    start : str
        The code from which an answer begins. It runs, and it is no solution.
    check : function
        Takes the names that the answer defines, a dict. Raises AssertionError with a sentence if the answer is wrong.
    """

    title: str
    task: str
    start: str
    check: Callable[[dict[str, Any]], None]

    def judged(self, answer: str) -> Verdict:
        """Run an answer and check what it defines. The code knows ``np`` and ``jf``. Its errors become messages.

        >>> def check(names):
        ...     assert names["a"] == 2, "a must be 2"
        >>> two = Exercise("Two", "Let a be 2.", "a = None", check)
        >>> two.judged("a = 1 + 1").solved, two.judged("a = 3").message
        (True, 'a must be 2')
        """
        names: dict[str, Any] = {"np": np, "jf": jkoflow}
        try:
            exec(compile(answer, "answer", "exec"), names)
            self.check(names)
        except AssertionError as reason:
            return Verdict(False, str(reason) or "Not yet.")
        except Exception as error:
            return Verdict(False, traceback.format_exception_only(error)[-1].strip())
        return Verdict(True, "Solved.")


def defined(names: dict[str, Any], name: str) -> Callable[..., Any]:
    """Return the function that an answer must define. Raises AssertionError with a sentence if it does not."""
    function = names.get(name)
    assert callable(function), f"the answer must define a function `{name}`"
    return function


def number(found: Any, name: str) -> float:
    """Return the number that a function of an answer returned. Raises AssertionError with a sentence if it is none."""
    assert found is not None, f"{name} returns nothing yet"
    assert np.ndim(found) == 0, f"{name} must return one number"
    return float(found)
