"""From a figure to a file's content."""

import hashlib
import io
import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, Literal

from fontTools.subset import Options
from matplotlib.figure import Figure

from bnexp.figures.style import house_style, solve_layout

_TAG: Final = re.compile(r"<[a-zA-Z][^>]*>")
_ID: Final = re.compile(r'(\sid="|href="#|url\(#)([^")]+)')


_SHAPING: Final = ("GDEF", "GPOS", "GSUB", "kern")
"""Tables of a font that say how signs are placed: a PDF places each by itself, and no reader looks at them there."""

_NO_DATE: Final[dict[str, dict[str, Any]]] = {"pdf": {"CreationDate": None}, "png": {}, "svg": {"Date": None}}


def render(figure: Figure, kind: Literal["pdf", "png", "svg"], name: str) -> bytes:
    """Return `figure` as a file's content: PNG at 200 dpi, PDF with fonts, or SVG with text as text; equal if redrawn.

    No id of the SVG occurs in that of a figure with another `name`, so that both can stand in one page. The layout is
    solved for the first kind and kept for all others: matplotlib would solve it for each, and draw twice to do so.
    """
    content = io.BytesIO()
    logging.getLogger("fontTools").setLevel(logging.WARNING)  # it tells the root logger of each table that it drops
    with house_style(), _fonts_without_shaping():
        if figure.axes and figure.get_layout_engine() is not None:
            solve_layout(figure)
            figure.set_layout_engine(None)  # what "none" leaves in its place has savefig draw twice
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


@contextmanager
def _fonts_without_shaping() -> Iterator[None]:
    """Let fontTools drop from the fonts of a PDF what it would take half of its time to thin out.

    Matplotlib has no setting for it, and makes its `Options` from these.
    """
    kept = Options._drop_tables_default
    Options._drop_tables_default = [*kept, *_SHAPING]
    try:
        yield
    finally:
        Options._drop_tables_default = kept
