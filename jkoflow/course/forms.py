"""How the exercises of a lesson look."""

from __future__ import annotations

from typing import Any

from .exercise import Exercise
from .lesson import Lesson


def exercises_of(lesson: Lesson) -> tuple[Any, Any]:
    """Return the forms in which answers are written, one for each exercise, and the view of tasks and forms.

    A form takes no wrong answer: it says what is wrong. The value of a form that is solved is the answer, else None.
    """
    import marimo as mo

    answers = mo.ui.array([_form(exercise) for exercise in lesson.exercises])
    parts = [mo.md("## Exercises")]
    for exercise, form, solution in zip(lesson.exercises, answers, lesson.solutions, strict=True):
        folded = mo.accordion({"Solution": mo.md(f"```python\n{solution.strip()}\n```")})
        parts += [mo.md(f"### {exercise.title}\n\n{exercise.task}"), form, folded]
    return answers, mo.vstack(parts)


def solved(lesson: Lesson, answers: list[str | None]) -> Any:
    """Return which exercises are solved, as a callout."""
    import marimo as mo

    done = [exercise.title for exercise, answer in zip(lesson.exercises, answers, strict=True) if answer is not None]
    text = f"Solved: {', '.join(done)}." if done else "Write an answer, then press its Check."
    return mo.callout(mo.md(text), kind="success" if done else "neutral")


def _form(exercise: Exercise) -> Any:
    import marimo as mo

    def wrong(answer: str) -> str | None:
        verdict = exercise.judged(answer)
        return None if verdict.solved else verdict.message

    editor = mo.ui.code_editor(value=exercise.start, language="python", label=f"Your answer: {exercise.title}", min_height=60)
    return editor.form(submit_button_label="Check", bordered=False, validate=wrong)
