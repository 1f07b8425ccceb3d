"""Runs: ``evolve`` takes a state along a law, ``steps`` yields the steps one by one."""

from .driver import evolve, steps
from .errors import FlowError

__all__ = ["FlowError", "evolve", "steps"]
