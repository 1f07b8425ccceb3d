"""Pictures of rates."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..study import Rate
from ._shared import HUES, figure_of, shown_once


@shown_once
def rate(what: Rate, *, expected: float | None = None, ax: Axes | None = None) -> Figure:
    """Draw errors against a parameter on double-logarithmic axes, with the fitted rate and, if given, the ``expected`` one.

    >>> import jkoflow as jf, matplotlib
    >>> matplotlib.use("agg")
    >>> picture = rate(jf.study.rate([0.1, 0.01], [0.2, 0.02], name="epsilon"), expected=1.0)
    >>> len(picture.axes[0].lines)
    3
    """
    if not isinstance(what, Rate):
        raise ValueError(f"what must be a Rate, as study.rate returns, got {type(what).__name__}")
    if ax is None:
        _, ax = plt.subplots(figsize=(5.2, 4), layout="constrained")
    order = np.argsort(what.values)
    x, y = what.values[order], what.errors[order]
    ax.loglog(x, y, "o", color=HUES[0], label="errors")
    ax.loglog(x, what.constant * x**what.exponent, color=HUES[1], label=f"fitted: {what.exponent:.2f}")
    if expected is not None:
        ax.loglog(x, y[-1] * (x / x[-1]) ** expected, "--", color="0.5", label=f"expected: {expected:g}")
    ax.set(xlabel=what.name, ylabel="error")
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(frameon=False)
    return figure_of(ax)
