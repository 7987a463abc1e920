"""From a figure to a file's content, and from that to a part of a page.

What a page's CSS must say for `inline`: the colour of the text (`color`, which lines and texts take over) and, where
it is not that of white paper, `--figure-paper`, `--figure-muted`, `--figure-grid` and `--figure-shade`; and
`svg { max-width: 100%; height: auto }`, so that a figure fits a telephone.
"""

import hashlib
import io
import re
from typing import Any, Final, Literal

from matplotlib.figure import Figure

from bnexp.figures.style import GRID, INK, MUTED, PAPER, SHADE, drawing

KINDS: Final[tuple[Literal["png"], Literal["svg"]]] = ("png", "svg")

_TAG: Final = re.compile(r"<[a-zA-Z][^>]*>")
_ID: Final = re.compile(r'(\sid="|href="#|url\(#)([^")]+)')
_PAINTS: Final = {
    INK: "currentColor",
    PAPER: f"var(--figure-paper, {PAPER})",
    MUTED: f"var(--figure-muted, {MUTED})",
    GRID: f"var(--figure-grid, {GRID})",
    SHADE: f"var(--figure-shade, {SHADE})",
}


def written(figure: Figure, kind: Literal["png", "svg"], name: str) -> bytes:
    """Return `figure` as a file's content: PNG at 200 dpi, or SVG with text as text; equal if redrawn.

    No id of the SVG occurs in that of a figure with another `name`, so that both can stand in one page.
    """
    content = io.BytesIO()
    with drawing():
        metadata: dict[str, Any] = {"Date": None} if kind == "svg" else {}
        figure.savefig(content, format=kind, dpi=200, metadata=metadata)
    if kind == "png":
        return content.getvalue()
    prefix = f"f{hashlib.sha256(name.encode()).hexdigest()[:8]}"
    # Matplotlib's own ids are hashes of unrounded numbers, whose last bits the solver of its layout does not repeat.
    numbers: dict[str, int] = {}
    return _in_tags(content.getvalue().decode(), lambda tag: _numbered(tag, prefix, numbers)).encode()


def inline(svg: bytes) -> str:
    """Return the SVG file `svg` as a part of a page: no prolog, no style beyond itself, and the page's own colours."""
    text = svg.decode()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, count=1, flags=re.DOTALL)
    text = re.sub(r'<style type="text/css">[^<]*</style>', "", text, count=1)
    # What that style said of `*`, which in a page would be everything. Black fills matplotlib leaves to the default.
    root = '<svg fill="currentColor" style="stroke-linejoin: round; stroke-linecap: butt" '
    return _in_tags(text.replace("<svg ", root, 1), _painted)


def _in_tags(svg: str, change: Any) -> str:
    """Return `svg` with each of its tags changed and what it says left alone."""
    return _TAG.sub(lambda found: change(found.group()), svg)


def _numbered(tag: str, prefix: str, numbers: dict[str, int]) -> str:
    """Return `tag` with its id and its references numbered in the order in which they first occur."""
    return _ID.sub(lambda found: f"{found[1]}{prefix}-{numbers.setdefault(found[2], len(numbers))}", tag)


def _painted(tag: str) -> str:
    for colour, paint in _PAINTS.items():
        tag = re.sub(rf"\b(fill|stroke): {colour}\b", rf"\g<1>: {paint}", tag, flags=re.IGNORECASE)
    return tag
