"""Runs in files: written step by step, or at once."""

from .archive import load, open_run, save
from .export import to_xarray
from .packing import DamagedError
from .store import SYNC_SECONDS, StoredRecord, StoreWriter, whole_path

__all__ = ["SYNC_SECONDS", "DamagedError", "StoreWriter", "StoredRecord", "load", "open_run", "save", "to_xarray", "whole_path"]
