"""Numbers along a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from .._typing import Array


@dataclass(frozen=True, eq=False)
class Report:
    """Curves over the times of a run, and what they are compared with.

    Attributes
    ----------
    title : str
        What the curves are.
    times : array (K,)
    curves : mapping from names to arrays (K,)
    bounds : mapping from names to arrays (K,)
        Drawn dashed.
    worst : float
        By how much the law that the report checks was broken at the worst time, in the unit of the curves; at most 0, but for
        rounding and the errors of the run, where it held. NaN for a report that checks none.
    """

    title: str
    times: Array
    curves: Mapping[str, Array]
    bounds: Mapping[str, Array] = field(default_factory=dict)
    worst: float = float("nan")

    def __repr__(self) -> str:
        checked = "" if self.worst != self.worst else f", worst {self.worst:.3g}"
        return f"{type(self).__name__}({self.title}: {', '.join(self.curves)}; {len(self.times)} times{checked})"
