"""Runs in files: written step by step, or at once."""

from .archive import load, open_run, save
from .export import to_xarray
from .layout import SYNC_SECONDS, whole_path
from .packing import DamagedError
from .store import StoreWriter
from .stored import StoredRecord

__all__ = ["SYNC_SECONDS", "DamagedError", "StoreWriter", "StoredRecord", "load", "open_run", "save", "to_xarray", "whole_path"]
