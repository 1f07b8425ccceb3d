"""Splitting of motion and growth that come from no energy."""

from .splitting import Splitting

__all__ = ["Splitting"]
