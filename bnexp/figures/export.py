"""From a figure to a file's content."""

import hashlib
import io
import logging
import re
from typing import Any, Final, Literal

from matplotlib.figure import Figure

from bnexp.figures.style import house_style

_TAG: Final = re.compile(r"<[a-zA-Z][^>]*>")
_ID: Final = re.compile(r'(\sid="|href="#|url\(#)([^")]+)')


_NO_DATE: Final[dict[str, dict[str, Any]]] = {"pdf": {"CreationDate": None}, "png": {}, "svg": {"Date": None}}


def render(figure: Figure, kind: Literal["pdf", "png", "svg"], name: str) -> bytes:
    """Return `figure` as a file's content: PNG at 200 dpi, PDF with fonts, or SVG with text as text; equal if redrawn.

    No id of the SVG occurs in that of a figure with another `name`, so that both can stand in one page.
    """
    content = io.BytesIO()
    logging.getLogger("fontTools").setLevel(logging.WARNING)  # it tells the root logger of each table that it drops
    with house_style():
        figure.savefig(content, format=kind, dpi=200, metadata=_NO_DATE[kind])
    if kind != "svg":
        return content.getvalue()
    prefix = f"f{hashlib.sha256(name.encode()).hexdigest()[:8]}"
    # Matplotlib's own ids are hashes of unrounded numbers, whose last bits the solver of its layout does not repeat.
    numbers: dict[str, int] = {}
    svg = content.getvalue().decode()
    return _TAG.sub(lambda tag: _number_ids(tag.group(), prefix, numbers), svg).encode()


def _number_ids(tag: str, prefix: str, numbers: dict[str, int]) -> str:
    """Return `tag` with its id and its references numbered in the order in which they first occur."""
    return _ID.sub(lambda match: f"{match[1]}{prefix}-{numbers.setdefault(match[2], len(numbers))}", tag)
