"""The result of a run, and what is kept of it."""

from .citations import citation
from .record import Lazy, MemoryRecord, Numbers, Record, RunDescription, Step, record_of
from .trajectory import Trajectory

__all__ = ["Lazy", "MemoryRecord", "Numbers", "Record", "RunDescription", "Step", "Trajectory", "citation", "record_of"]
