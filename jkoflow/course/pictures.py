"""Pictures with a text that says what they show."""

from __future__ import annotations

import base64
import functools
import gc
import html
import io
from typing import Any

_LEAST = 66  # pixels on the page per inch of a figure: letters of 10 points then have 9 pixels


def shown(figure: Any, text: str, width: int = 640) -> Any:
    """Return a figure as a picture for a marimo notebook. ``text`` says what it shows, for those who cannot see it.

    The picture is ``width`` pixels wide. On a narrower screen it shrinks while its letters can be read; then it scrolls.

    The picture is in the page itself: a file of its own could be gone before a slow browser asks for it.
    """
    import marimo as mo
    from matplotlib import pyplot as plt

    _spare_the_collector()
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110)
    plt.close(figure)
    data = base64.b64encode(buffer.getvalue()).decode()
    least = min(width, round(_LEAST * figure.get_figwidth()))
    style = f"width:{width}px;max-width:100%;min-width:{least}px;height:auto"
    image = f'<img src="data:image/png;base64,{data}" alt="{html.escape(text, quote=True)}" style="{style}">'
    return mo.Html(f'<div style="overflow-x:auto;max-width:100%">{image}</div>')


@functools.cache
def _spare_the_collector() -> None:
    """Once, at the first picture: exempt what the imports of a lesson left behind from garbage collection.

    matplotlib, numba and marimo leave some hundred thousand objects that live as long as the process. Figures have cycles, so
    a full collection runs every few pictures. It went through all these objects and held up a slider by 0.1 to 0.2 s.
    """
    gc.collect()
    gc.freeze()
