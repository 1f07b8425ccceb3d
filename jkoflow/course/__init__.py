"""Ten lessons on gradient flows, as apps: ``jkoflow course 3``. They need the extra ``jkoflow[course]``."""

from .exercise import Exercise, Verdict
from .forms import exercises_of, solved
from .lesson import LESSONS, Lesson
from .pictures import shown

__all__ = ["LESSONS", "Exercise", "Lesson", "Verdict", "exercises_of", "shown", "solved"]
