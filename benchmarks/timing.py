"""How the scripts beside this one time what they run."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

LONG = 5.0  # seconds: what takes longer is run once


def timed(run: Callable[[], Any], repeats: int = 3) -> tuple[float, Any]:
    """The least of some times in seconds, and what came out."""
    best, answer = float("inf"), None
    for _ in range(repeats):
        began = time.perf_counter()
        answer = run()
        best = min(best, time.perf_counter() - began)
        if best > LONG:
            break
    return best, answer
