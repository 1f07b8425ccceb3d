"""Thumbnails of the gallery show the first panels of wide pictures, so that one can tell them apart."""

from __future__ import annotations

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


def setup(app: Any) -> dict[str, bool]:
    app.connect("builder-inited", crop, priority=900)  # behind the gallery
    return {"parallel_read_safe": True}
