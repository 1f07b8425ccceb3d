"""Runs: ``evolve`` takes a state along a law, ``steps`` yields the steps one by one."""

from .driver import FlowError, evolve, steps

__all__ = ["FlowError", "evolve", "steps"]
