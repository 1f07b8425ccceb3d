"""Pictures with a text that says what they show."""

from __future__ import annotations

import base64
import html
import io
from typing import Any


def shown(figure: Any, text: str, width: int = 640) -> Any:
    """Return a figure as a picture for a marimo notebook. ``text`` says what it shows, for those who cannot see it.

    The picture is in the page itself: a file of its own could be gone before a slow browser asks for it.
    """
    import marimo as mo
    from matplotlib import pyplot as plt

    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110, bbox_inches="tight")
    plt.close(figure)
    data = base64.b64encode(buffer.getvalue()).decode()
    style = f"width:{width}px;max-width:100%;height:auto"
    return mo.Html(f'<img src="data:image/png;base64,{data}" alt="{html.escape(text, quote=True)}" style="{style}">')
