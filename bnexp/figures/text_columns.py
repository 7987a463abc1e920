"""Axes between two columns of text, for figures whose rows have names on the left and numbers on the right.

Texts stand in inches, so that no scale and no length of another text moves them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bnexp.figures.style import INK, MUTED

SIGN: Final = 0.088
"""Width of a sign of 10 points in inches, wide ones included."""

HEAD: Final = 24
"""Signs of a head that have room beside the axes."""

GAP: Final = 0.25
"""Inches between columns."""


@dataclass(frozen=True)
class TextColumns:
    """The axes and the two that hold texts only; in inches, the `width` of the left one and where columns start."""

    left: Axes
    axes: Axes
    right: Axes
    width: float
    starts: tuple[float, ...]

    def write_name(self, top: float, text: str, size: float = 10, colour: str = INK) -> None:
        """Write the name of the row at `top` beside the axes."""
        self.left.text(self.width - 0.08, top, text, ha="right", va="center", size=size, color=colour)

    def write_head(self, top: float, text: str) -> None:
        """Write the head of a group of rows at the left edge; a long one reaches into the axes, where nothing is."""
        self.left.text(0, top, text, va="center", weight="bold", size=11.5).set_in_layout(False)

    def write_cells(self, top: float, texts: Sequence[str]) -> None:
        """Write `texts` into the columns at the right."""
        for start, text in zip(self.starts, texts, strict=True):
            self.right.text(start, top, text, va="center", size=10, linespacing=1.0)

    def write_titles(self, top: float, texts: Sequence[str]) -> None:
        """Write what the columns at the right hold."""
        for start, text in zip(self.starts, texts, strict=True):
            self.right.text(start, top, text, va="center", size=9, color=MUTED)


def choose_left_texts(names: Sequence[str], heads: Sequence[str]) -> list[str]:
    """Return the texts that decide how much room there is at the left."""
    return [*names, *(head[:HEAD] for head in heads)]


def make_columns(figure: Figure, height: float, names: Sequence[str], columns: Sequence[Sequence[str]]) -> TextColumns:
    """Return axes `height` inches high in `figure`, with room for `names` at the left and `columns` at the right."""
    widths = [_width(texts) for texts in columns]
    starts = tuple(0.1 + sum(widths[:number]) + GAP * number for number in range(len(widths)))
    left, right = 0.2 + _width(names), starts[-1] + widths[-1]
    middle = figure.get_figwidth() - left - right
    parts: Any = figure.subplots(1, 3, gridspec_kw={"width_ratios": [left, middle, right], "wspace": 0})
    for axes, width in ((parts[0], left), (parts[2], right)):
        axes.set_axis_off()
        axes.set_xlim(0, width)
    for axes in parts:
        axes.set_ylim(height, 0)
    parts[0].set_zorder(1)  # heads before the axes
    parts[1].set_yticks([])
    parts[1].spines["left"].set_visible(False)
    return TextColumns(parts[0], parts[1], parts[2], left, starts)


def figure_width(names: Sequence[str], columns: Sequence[Sequence[str]], axes: float) -> float:
    """Return the width in inches of a figure whose `make_columns` has axes of this width."""
    return axes + sum(_width(texts) + GAP for texts in (names, *columns))


def _width(texts: Sequence[str]) -> float:
    return SIGN * max((len(line) for text in texts for line in text.splitlines()), default=0)
