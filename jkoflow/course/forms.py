"""How an exercise looks in a lesson."""

from __future__ import annotations

from typing import Any

from .exercise import Exercise


def task_of(exercise: Exercise) -> Any:
    """Return the task, as text for a marimo notebook."""
    import marimo as mo

    return mo.md(f"### Exercise: {exercise.title}\n\n{exercise.task}")


def form_of(exercise: Exercise) -> Any:
    """Return a form in which an answer is written. Its value is None until the button is pressed."""
    import marimo as mo

    editor = mo.ui.code_editor(value=exercise.start, language="python", label=f"Your answer: {exercise.title}", min_height=60)
    return editor.form(submit_button_label="Check", bordered=False)


def verdict_on(exercise: Exercise, answer: str | None) -> Any:
    """Return what the check says of an answer; an invitation if there is none yet."""
    import marimo as mo

    if answer is None:
        return mo.md("*Write your answer, then press Check.*")
    verdict = exercise.judged(answer)
    return mo.callout(mo.md(verdict.message), kind="success" if verdict.solved else "warn")


def solution_of(code: str) -> Any:
    """Return a solution that is folded away."""
    import marimo as mo

    return mo.accordion({"Solution": mo.md(f"```python\n{code.strip()}\n```")})
