"""The exact step on a grid, by the back-and-forth method and Newton's method."""

from .back_and_forth import BackAndForth

__all__ = ["BackAndForth"]
