"""Pictures with a text that says what they show."""

from __future__ import annotations

import io
from typing import Any


def shown(figure: Any, text: str, width: int = 640) -> Any:
    """Return a figure as a picture for a marimo notebook. ``text`` says what it shows, for those who cannot see it."""
    import marimo as mo
    from matplotlib import pyplot as plt

    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110, bbox_inches="tight")
    plt.close(figure)
    return mo.image(buffer.getvalue(), alt=text, width=width, style={"max-width": "100%", "height": "auto"})
