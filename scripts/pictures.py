"""Figures for the web: the same picture in a fraction of the bytes."""

import io
from pathlib import Path
from typing import Final

from PIL import Image  # comes with matplotlib

WIDTH: Final = 1400
"""Pixels: twice what a column of text is wide, for sharp screens."""

COLOURS: Final = 128
"""Lines, bands and a colour map look the same with as many, in a quarter of the bytes."""

MOST_BYTES: Final = 150_000


def shrink_picture(path: Path) -> bytes:
    """Return a picture on white as a PNG of `COLOURS`, at most `WIDTH` pixels wide and `MOST_BYTES` large."""
    with Image.open(path) as picture:
        drawing = picture.convert("RGBA")
    page = Image.alpha_composite(Image.new("RGBA", drawing.size, "white"), drawing).convert("RGB")
    width = min(WIDTH, page.width)
    while True:
        small = page.resize((width, round(page.height * width / page.width)), Image.Resampling.LANCZOS)
        content = io.BytesIO()
        small.quantize(COLOURS, dither=Image.Dither.NONE).save(content, "PNG", optimize=True)
        if content.tell() <= MOST_BYTES:
            return content.getvalue()
        width = width * 4 // 5
