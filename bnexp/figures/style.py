"""What all figures share: the looks of the levels that are compared, colours, and the words around a figure.

Colours: Okabe and Ito 2008, "Color universal design"; numbers take viridis (Smith and van der Walt 2015), whose
lightness rises evenly. Line styles and markers say the same once more, for greyscale and for projectors.
"""

import io
import textwrap
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from numbers import Real
from typing import Any, Final

import matplotlib
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from bnexp.choices import FigureForm, Placement
from bnexp.figures.form import FORMS, Form
from bnexp.labels import value_label

INK: Final = "#000000"
MUTED: Final = "#5A5A5A"
GRID: Final = "#E3E3E3"
SHADE: Final = "#EDEDED"
PAPER: Final = "#FFFFFF"
"""The colours of texts, guides and backgrounds."""

LEGEND: Final = 10.5
"""Points of type in a legend."""

STYLE: Final[dict[Any, Any]] = {
    "font.family": "sans-serif",
    "font.size": 11,
    "text.parse_math": False,  # a title may hold $HOME
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.titleweight": "bold",
    "axes.titlesize": 12,
    "grid.color": GRID,
    "grid.linewidth": 0.6,
    "hatch.linewidth": 0.8,
    "legend.frameon": False,
    "legend.handlelength": 2.6,
    "legend.columnspacing": 1.5,
    "pdf.fonttype": 42,  # TrueType: journals refuse the Type 3 that matplotlib writes by itself
    "svg.fonttype": "none",
}

MOST_POINTS: Final = 30
"""Seeds up to which each is a point; more hide one another, and an interval says as much."""

SEEDS: Final[dict[str, Any]] = {
    "linestyle": "none",
    "marker": "o",
    "markersize": 4,
    "markeredgewidth": 0,
    "alpha": 0.4,
    "label": "single seeds",
}
"""How points of single seeds look."""

_LABELS: Final = {Placement.pre: "pre (BN → activation)", Placement.post: "post (activation → BN)"}
_DASHES: Final[tuple[Any, ...]] = ("-", (0, (5, 1.5)), (0, (1, 1)), (0, (6, 1.5, 1, 1.5)), (0, (3, 1, 1, 1, 1, 1)))
_MARKERS: Final = ("o", "^", "s", "D", "v", "P", "X", "<", ">", "*")
_HUES: Final = (INK, "#0072B2", "#D55E00", "#56B4E9", "#009E73", "#CC79A7", "#E69F00")
_ORDERED: Final = (0.15, 0.82)
"""Part of viridis that is seen on white and on black paper."""


@dataclass(frozen=True)
class Words:
    """What stands around a figure: its `title` above it, its `caption`, line by line, below it; and its `form`.

    In a paper neither of the two is part of the picture.
    """

    title: str
    caption: str
    form: Form = FORMS[FigureForm.page]


@dataclass(frozen=True)
class Look:
    """How a level is drawn everywhere: `line` and `marker` as matplotlib takes them, `text` as a legend names it."""

    colour: str
    line: Any
    marker: str
    text: str

    def make_handle(self, text: str) -> Line2D:
        """Return the line that stands for the level in a legend, beside this `text`."""
        return Line2D([], [], color=self.colour, linestyle=self.line, linewidth=2.2, label=text)


_PLACEMENTS: Final = {
    Placement.none: (INK, _DASHES[2], "s"),
    Placement.pre: ("#0072B2", _DASHES[0], "o"),
    Placement.post: ("#D55E00", _DASHES[1], "^"),
    Placement.both: ("#009E73", _DASHES[3], "D"),
    Placement.input: ("#CC79A7", _DASHES[4], "v"),
}


def choose_looks(axis: str, levels: Sequence[Any]) -> dict[Any, Look]:
    """Return the look of each of `levels` of `axis`: the same for a placement in every figure, ordered for numbers."""
    if axis == "placement":
        return {
            level: Look(*_PLACEMENTS[Placement(level)], _LABELS.get(Placement(level), str(level))) for level in levels
        }
    return {
        level: Look(colour, _DASHES[i % len(_DASHES)], _MARKERS[i % len(_MARKERS)], value_label(axis, level))
        for i, (level, colour) in enumerate(zip(levels, _choose_colours(levels), strict=True))
    }


def _choose_colours(levels: Sequence[Any]) -> list[str]:
    if all(isinstance(level, Real) for level in levels):
        low, high = _ORDERED
        steps = max(len(levels) - 1, 1)
        return [to_hex(matplotlib.colormaps["viridis"](low + (high - low) * i / steps)) for i in range(len(levels))]
    return [_HUES[i % len(_HUES)] for i in range(len(levels))]


def luminance(colour: Any) -> float:
    """Return the relative luminance of `colour`, 0 (black) to 1 (white): WCAG 2.2, "relative luminance"."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(colour)]
    return sum(weight * c for weight, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


@contextmanager
def house_style() -> Iterator[None]:
    """Draw in the house's style, whatever the user's own settings of matplotlib are, and put those back."""
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(STYLE)
        yield


class Sheet(Figure):
    """A figure that a notebook shows as it is, whether or not pyplot, which would do that, was ever imported."""

    def _repr_png_(self) -> bytes:
        content = io.BytesIO()
        with house_style():
            self.savefig(content, format="png", dpi=110)
        return content.getvalue()


def make_sheet(width: float, height: float, form: Form = FORMS[FigureForm.page]) -> Figure:
    """Return an empty figure of this `form` that needs no display and is not the current one of anybody.

    It is as wide as the form allows where `width` inches are asked for.
    """
    figure = Sheet(figsize=(form.choose_width(width), height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def solve_layout(figure: Figure) -> None:
    """Put the parts of `figure` where they have room, without drawing them."""
    engine = figure.get_layout_engine()
    assert engine is not None
    engine.execute(figure)


def add_words(figure: Figure, words: Words, handles: Sequence[Any]) -> None:
    """Put the title and the legend, which has these `handles`, above `figure`, and the caption below it."""
    width, titled = figure.get_figwidth(), words.form.free
    columns = _fit_columns([str(handle.get_label()) for handle in handles], width)
    if not handles and not titled:
        return
    legend = figure.legend(
        handles=[handle for column in range(columns) for handle in handles[column::columns]],  # row by row
        loc="outside upper center",
        ncols=columns,
        title=balance_text(words.title, int(7 * width)) if titled else None,
        fontsize=words.form.choose_size(LEGEND),
    )
    if not titled:
        return
    legend.get_title().set(size=13, weight="bold", multialignment="center")
    text = wrap_text(words.caption, int(15 * width))
    figure.supxlabel(text, x=0.01, ha="left", size=8, color=MUTED, linespacing=1.4)


def _fit_columns(texts: Sequence[str], width: float) -> int:
    """Return in how many columns `texts` and their handles fit side by side."""
    for columns in range(len(texts), 1, -1):
        longest = (max(map(len, texts[column::columns])) for column in range(columns))
        if sum(0.72 + 0.078 * length for length in longest) <= width:
            return columns
    return 1


def wrap_text(text: str, width: int) -> str:
    """Return `text` with no line longer than `width` signs; its own lines stay apart."""
    lines = (textwrap.wrap(line, width, break_on_hyphens=False) for line in text.splitlines())
    return "\n".join(line for parts in lines for line in parts)


def balance_text(text: str, width: int) -> str:
    """Return `text` in as few lines as `wrap_text` needs, all about as long: none ends with a word alone on a line."""
    lines = wrap_text(text, width).count("\n")
    longest = max(map(len, text.split()), default=1)
    wrapped = (wrap_text(text, narrower) for narrower in range(min(longest, width), width + 1))
    return next(balanced for balanced in wrapped if balanced.count("\n") <= lines)
