"""Ten lessons on gradient flows, as apps: ``jkoflow course 3``. They need the extra ``jkoflow[course]``."""

from .exercise import Exercise, Verdict
from .forms import form_of, solution_of, task_of, verdict_on
from .lesson import LESSONS, Lesson
from .pictures import shown

__all__ = ["LESSONS", "Exercise", "Lesson", "Verdict", "form_of", "shown", "solution_of", "task_of", "verdict_on"]
