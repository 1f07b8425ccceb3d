"""The command line: a landscape and what flows down it, and the apps."""

from .landscape import SOLVERS, main, parse_energy

__all__ = ["SOLVERS", "main", "parse_energy"]
