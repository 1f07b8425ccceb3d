"""Lessons of the course become pages that need no network."""

from __future__ import annotations

from typing import Any


def setup(app: Any) -> dict[str, bool]:
    return {"parallel_read_safe": True}
