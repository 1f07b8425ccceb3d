"""Seconds that ``import jkoflow`` takes in a fresh process, warm, against numpy alone."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time


def seconds(code: str) -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True)
    return time.perf_counter() - began


def main() -> None:
    for code in ("pass", "import numpy", "import jkoflow"):
        seconds(code)
        print(f"{code:16s} {statistics.median(seconds(code) for _ in range(7)):.3f} s")


if __name__ == "__main__":
    main()
