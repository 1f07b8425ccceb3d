"""Exact steps by the back-and-forth method and Newton's."""

from .back_and_forth import BackAndForth

__all__ = ["BackAndForth"]
