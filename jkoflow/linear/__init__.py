"""Methods for linear systems, fixed points and exponentials: multigrid, Krylov spaces, Anderson. They work on arrays alone."""

from .anderson import Anderson
from .chain import LIFTS, chain_solver, positive_definite_solver, spring_solver, tridiagonal_solver
from .coupled_multigrid import CoupledMultigrid
from .exponential import krylov_phi, phi
from .factorised import factorised_elliptic
from .krylov import gmres
from .multigrid import Multigrid, diagonal_of, elliptic

__all__ = [
    "LIFTS",
    "Anderson",
    "CoupledMultigrid",
    "Multigrid",
    "chain_solver",
    "diagonal_of",
    "elliptic",
    "factorised_elliptic",
    "gmres",
    "krylov_phi",
    "phi",
    "positive_definite_solver",
    "spring_solver",
    "tridiagonal_solver",
]
