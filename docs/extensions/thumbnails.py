"""Thumbnails of the gallery show the first panels of wide pictures, so that one can tell them apart."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from PIL import Image

SIZE = (400, 280)
WIDEST = 1.9  # a picture with more width per height is cut after so much


def crop(app: Any) -> None:
    for thumb in Path(app.srcdir).glob("gallery/*/images/thumb/sphx_glr_*_thumb.png"):
        source = thumb.parents[1] / thumb.name.replace("_thumb.png", "_001.png")
        if source.exists() and source.stat().st_mtime >= thumb.stat().st_mtime - 60:
            _cropped(source).save(thumb)


def _cropped(source: Path) -> Image.Image:
    picture = Image.open(source).convert("RGB")
    width, height = picture.size
    if width > WIDEST * height:
        picture = picture.crop((0, 0, int(SIZE[0] / SIZE[1] * height), height))
    if height > width:
        picture = picture.crop((0, 0, width, int(SIZE[1] / SIZE[0] * width)))
    picture.thumbnail(SIZE)
    card = Image.new("RGB", SIZE, "white")
    card.paste(picture, tuple((total - own) // 2 for total, own in zip(SIZE, picture.size, strict=True)))
    return card


TEXT = re.compile(r'(<div class="sphx-glr-thumbcontainer" tooltip="([^"]*)">\s*<img alt=)""')


def describe(app: Any, error: Exception | None) -> None:
    """Give every thumbnail the first sentence of its entry as its text."""
    if error is None and app.builder.format == "html":
        for page in Path(app.outdir).rglob("*.html"):
            text = page.read_text(encoding="utf-8")
            described = TEXT.sub(lambda found: f'{found[1]}"{found[2] or "a picture of the entry"}"', text)
            if described != text:
                page.write_text(described, encoding="utf-8")


def setup(app: Any) -> dict[str, bool]:
    app.connect("build-finished", describe)
    app.connect("builder-inited", crop, priority=900)  # behind the gallery
    return {"parallel_read_safe": True}
