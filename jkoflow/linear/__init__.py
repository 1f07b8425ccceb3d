"""Methods for linear systems and fixed points: multigrid, GMRES, Anderson acceleration. They work on arrays alone."""

from .anderson import Anderson
from .coupled_multigrid import CoupledMultigrid
from .krylov import gmres
from .multigrid import Multigrid, diagonal_of, elliptic

__all__ = ["Anderson", "CoupledMultigrid", "Multigrid", "diagonal_of", "elliptic", "gmres"]
