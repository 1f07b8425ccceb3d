"""Peers that are installed apart, for the scripts beside this one."""

from __future__ import annotations

import os
import sys
from types import ModuleType


def fipy() -> ModuleType | None:
    """FiPy with the solvers of scipy; None where it is not installed."""
    os.environ.setdefault("FIPY_SOLVERS", "scipy")
    kept, sys.argv = sys.argv, sys.argv[:1]  # FiPy reads the command line
    try:
        import fipy as module
    except ImportError:
        return None
    finally:
        sys.argv = kept
    return module
