"""Columns of numbers from CSV files and data frames."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..._typing import Array
from ..._validate import finite_array


def columns_of(source: Any, names: Sequence[str]) -> list[Array]:
    """Return the named columns of a CSV file with a header, or of a data frame or mapping, as arrays.

    Raises ValueError for a file that cannot be read, a column that is missing, or an entry that is no finite number.
    """
    if isinstance(source, str | Path):
        return _of_file(Path(source), names)
    columns = []
    for name in names:
        try:
            column = np.asarray(source[name])
        except (KeyError, TypeError, IndexError):
            known = ", ".join(map(repr, source)) if hasattr(source, "__iter__") else "none"  # iterating gives the names
            raise ValueError(f"source must have a column {name!r}, and it has {known}") from None
        columns.append(finite_array(f"column {name!r}", column, column.shape[:1]))
    return columns


def _of_file(path: Path, names: Sequence[str]) -> list[Array]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as reason:
        raise ValueError(f"source must be a CSV file with a header, and {str(path)!r} cannot be read: {reason}") from None
    if not rows:
        raise ValueError(f"source must hold a header and at least one row, and {str(path)!r} does not")
    columns = []
    for name in names:
        if name not in rows[0]:
            raise ValueError(
                f"source must have a column {name!r}, and {str(path)!r} has "
                f"{', '.join(map(repr, rows[0]))}: columns are separated by commas"
            )
        values = np.empty(len(rows))
        for k, row in enumerate(rows):
            try:
                values[k] = float(row[name])
                if not np.isfinite(values[k]):
                    raise ValueError
            except (TypeError, ValueError):
                raise ValueError(
                    f"column {name!r} must hold finite numbers, got {row[name]!r} in line {k + 2} of {str(path)!r}"
                ) from None
        columns.append(values)
    return columns
