"""Small multiples of lines with bands: the one way in which everything measured inside the layers is drawn."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

from bnexp.figures.form import Form
from bnexp.figures.layout import WIDEST, Layout, wrap_titles
from bnexp.figures.scales import Places
from bnexp.figures.style import Look, Words, add_words, house_style, make_sheet

PANEL, HEIGHT, BESIDE = 3.1, 2.7, 1.1
"""Width and height of a panel, and the width of what is beside all of them, in inches."""

LEAST: Final = 0.02
"""Greatest share that a scale of shares shows at least, so that a few units in thousands look like what they are."""

CLOSE: Final = 100
"""Factor below which a logarithmic scale has numbers between the powers of ten."""

WIDE: Final = 1e4
"""Factor from which one has powers of ten."""

DECADES: Final = 30
"""Decades that a logarithmic scale shows at most."""

MARKED: Final = 20
"""Most points of a line that have marks."""


@dataclass(frozen=True)
class Scale:
    """What a y axis shows, with its unit, and how: a share (0 to 1), a number by its logarithm, or as it is."""

    label: str
    kind: Literal["share", "log", "linear"]


@dataclass(frozen=True)
class XAxis:
    """The column `name` that lines are drawn against, its `label`, and where its values stand, if not as numbers."""

    name: str
    label: str
    places: Places | None = None

    def write_values(self, axes: Axes) -> None:
        """Write the values below `axes`, whose label, if it has one, makes room."""
        if self.places is not None:
            self.places.write_values(axes, axes.get_xlabel(), PANEL)
        else:
            number_steps(axes)


@dataclass(frozen=True)
class Row:
    """Panels side by side on one `scale`, each with its title and its rows: x, compared, mean, low, high and n.

    `mates` are the panels of the row that it was cut from, with which it shares the scale, if it was.
    """

    scale: Scale
    panels: Sequence[tuple[str, pd.DataFrame]]
    mates: Sequence[tuple[str, pd.DataFrame]] = ()


def cut_rows(rows: Sequence[Row], form: Form) -> list[Row]:
    """Return `rows` with those cut into several that have more panels than `form` has room for side by side."""
    cut = []
    for row in rows:
        columns = form.choose_columns(len(row.panels), WIDEST, PANEL, BESIDE)
        starts = range(0, len(row.panels), columns)
        cut += [Row(row.scale, row.panels[i : i + columns], row.panels) for i in starts] if len(starts) > 1 else [row]
    return cut


def draw_multiples(rows: Sequence[Row], x: XAxis, layout: Layout, words: Words) -> Figure:
    """Draw a panel for each of the `rows`' frames, a line per level against `x`."""
    rows = cut_rows(rows, words.form)
    with house_style():
        figure, grid = make_panels(rows, words, make_legend(rows, layout))
        for row, panels in zip(rows, grid, strict=True):
            for (_, frame), axes in zip(row.panels, panels, strict=True):
                for level, look, arm in layout.arms(frame):
                    draw_line(axes, arm, x, look, str(level))
        for axes in find_lowest(grid):
            axes.set_xlabel(x.label)
        for axes in (axes for panels in grid for axes in panels):
            x.write_values(axes)
    return figure


def make_panels(rows: Sequence[Row], words: Words, handles: Sequence[Any]) -> tuple[Figure, list[list[Axes]]]:
    """Return a figure with the axes of each of `rows`, under their titles and on their scales, and no lines yet."""
    columns = max(len(row.panels) for row in rows)
    wrapped = [wrap_titles([name for name, _ in row.panels], PANEL) for row in rows]
    figure = make_sheet(BESIDE + PANEL * columns, 1.9 + sum(HEIGHT + more for _, more in wrapped), words.form)
    grid = figure.subplots(len(rows), columns, squeeze=False)
    panels = []
    for row, (titles, _), places in zip(rows, wrapped, grid, strict=True):
        kept = list(places[: len(row.panels)])
        for axes in places[len(row.panels) :]:
            axes.remove()
        for axes, title in zip(kept, titles, strict=True):
            axes.set_title(title, fontsize=11)
        _scale_row(kept, row)
        panels.append(kept)
    add_words(figure, words, handles)
    return figure, panels


def find_lowest(grid: Sequence[Sequence[Axes]]) -> list[Axes]:
    """Return those of the panels of `make_panels` below which there is no other one."""
    below = [max((len(later) for later in grid[row + 1 :]), default=0) for row in range(len(grid))]
    return [axes for row, panels in enumerate(grid) for axes in panels[below[row] :]]


def draw_line(axes: Axes, rows: pd.DataFrame, x: XAxis, look: Look, label: str) -> None:
    """Draw the mean and its interval of one level; one in which `x` cannot act (missing there) is a level line."""
    style: dict[str, Any] = {"color": look.colour, "linestyle": look.line, "linewidth": 2, "label": label}
    if x.places is not None and rows[x.name].isna().all():
        axes.plot(x.places.ends, [rows["mean"].iloc[0]] * 2, **style)
        return
    place = rows[x.name].map(x.places.positions) if x.places is not None else rows[x.name]
    rows = rows.assign(place=place).dropna(subset="place").sort_values("place")
    if len(rows) == 1:
        axes.vlines(rows["place"], rows["low"], rows["high"], color=look.colour, linewidth=1.4)
    elif rows["low"].notna().any():
        band: dict[str, Any] = {"color": look.colour, "alpha": 0.15, "linewidth": 0, "zorder": 1}
        axes.fill_between(rows["place"], rows["low"], rows["high"], **band)
    if len(rows) <= MARKED:
        style |= {"marker": look.marker, "markersize": 5}
    axes.plot(rows["place"], rows["mean"], **style)


def make_legend(rows: Sequence[Row], layout: Layout) -> list[Line2D]:
    """Return a handle for each level with the number of its seeds, from the smallest to the largest."""
    return layout.make_handles(pd.concat([frame for row in rows for _, frame in row.panels]))


def number_steps(axes: Axes) -> None:
    """Write round numbers below `axes`, for steps and layers."""
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))


def _scale_row(panels: Sequence[Axes], row: Row) -> None:
    """Give all `panels` of `row` one scale, which the means decide, and name and number it at the first."""
    values = pd.concat([frame["mean"] for _, frame in row.mates or row.panels]).to_numpy(dtype=float)
    values = values[np.isfinite(values)]
    for axes in panels:
        match row.scale.kind:
            case "share":
                top = max(float(values.max(initial=0)), LEAST)
                axes.set_ylim(-0.03 * top, min(1.25 * top, 1.03))
                axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:.3g} %"))
            case "log":
                _scale_by_logarithm(axes, values[values > 0])
            case "linear":
                low, high = float(values.min(initial=np.inf)), float(values.max(initial=-np.inf))
                margin = 0.08 * (high - low) or 0.05 * abs(high) or 1.0
                if low <= high:
                    axes.set_ylim(low - margin, high + margin)
    panels[0].set_ylabel(row.scale.label)
    for axes in panels[1:]:
        axes.tick_params(labelleft=False)


def _scale_by_logarithm(axes: Axes, values: "np.ndarray[Any, np.dtype[np.float64]]") -> None:
    axes.set_yscale("log", nonpositive="clip")
    if not len(values):
        return
    high = float(values.max())
    low = max(float(values.min()), high / 10.0**DECADES)
    margin = (high / low) ** 0.08 * 1.1
    axes.set_ylim(low / margin, high * margin)
    few = high / low < CLOSE
    axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if few else (1.0,), numticks=7))
    axes.yaxis.set_major_formatter(
        FuncFormatter(lambda value, _: f"{value:g}" if high / low < WIDE else _power_text(value))
    )
    axes.yaxis.set_minor_locator(NullLocator())


def _power_text(value: float) -> str:
    """Return a power of ten as 10⁻⁷."""
    return "10" + f"{np.log10(value):.0f}".translate(_RAISED)


_RAISED: Final = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
