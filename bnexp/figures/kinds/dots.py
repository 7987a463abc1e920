"""Estimates as points with intervals, a row each: gaps by activation, shares that close, contributions of parts."""

from typing import Any, Final

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter

from bnexp.figures.layout import wrap_titles
from bnexp.figures.style import INK, MUTED, Words, add_words, balance_text, choose_looks, house_style, make_sheet

ROW, WIDTH = 0.27, 3.6
"""Height of a row and width of a panel in inches."""

APART: Final = 0.26
"""Distance of two series in a row, in rows."""

LINEAR: Final = 10
"""Points beyond which a linear scale would hide the small differences."""

MARKERS: Final = ("o", "D", "s", "^", "v", "P")


def draw_dots(
    points: pd.DataFrame, words: Words, *, label: str, columns: int = 1, limits: tuple[float, float] | None = None
) -> Figure:
    """Draw a panel per `panel` of `points`, a row per `row`, a mark per `series` with its interval, all in this order.

    Columns: panel, row, series (texts), mean, low, high (in the units of `label`), and mark, where a dashed line stands
    in the whole panel, if it is not missing. Beyond `limits` an interval is cut off, and a mean is an arrow that points
    there. Without limits, values beyond `LINEAR` make the scale logarithmic outside ±1, for the small ones beside them.
    """
    panels = list(points.groupby("panel", sort=False))
    looks = choose_looks("placement", ["pre", "post"]) if set(points["series"]) == {"pre", "post"} else {}
    series = {name: _style(place, looks.get(name)) for place, name in enumerate(points["series"].unique())}
    columns = min(columns, len(panels))
    lines = -(-len(panels) // columns)
    deepest = max(part["row"].nunique() for _, part in panels)
    width = max(6.5, columns * WIDTH)
    titles, more = wrap_titles([str(name) for name, _ in panels], width / columns)
    with house_style():
        figure = make_sheet(width, 2.1 + lines * (ROW * deepest + 0.75 + more), words.form)
        grid = figure.subplots(lines, columns, squeeze=False, sharex=True)
        for axes in grid.flat[len(panels) :]:
            axes.remove()
        for place, (title, (_, part)) in enumerate(zip(titles, panels, strict=True)):
            _draw_panel(grid.flat[place], part, series, limits)
            grid.flat[place].set_title(title, fontsize=10)
            grid.flat[place].tick_params(labelbottom=True)
            if limits is not None:
                grid.flat[place].set_xlim(*limits)
            elif np.nanmax(np.abs(points[["low", "high"]].to_numpy())) > LINEAR:
                scale_wide(grid.flat[place])
            if place + columns >= len(panels):
                grid.flat[place].set_xlabel(balance_text(label, int(11 * width / columns)))
        handles = [Line2D([], [], linestyle="none", label=name, **style) for name, style in series.items()]
        add_words(figure, words, handles if len(series) > 1 else [])
    return figure


def _style(place: int, look: object) -> dict[str, Any]:
    colour, marker = getattr(look, "colour", None), getattr(look, "marker", None)
    hues = (INK, "#D55E00", "#0072B2", "#009E73", "#CC79A7", "#E69F00")
    return {"color": colour or hues[place % len(hues)], "marker": marker or MARKERS[place % len(MARKERS)]}


def scale_wide(axes: Axes) -> None:
    """Make the scale of `axes` linear within ±1 and logarithmic outside."""
    axes.set_xscale("symlog", linthresh=1, linscale=1)
    axes.xaxis.set_major_locator(FixedLocator([-100, -10, -1, 0, 1, 10, 100]))
    axes.xaxis.set_minor_locator(FixedLocator([]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}".replace("-", "−")))


def _draw_panel(
    axes: Axes, part: pd.DataFrame, series: dict[object, dict[str, Any]], limits: tuple[float, float] | None
) -> None:
    rows = list(part["row"].unique())
    axes.axvline(0, color=INK, linewidth=1, zorder=1)
    for stated in part["mark"].dropna().unique():
        axes.axvline(stated, color=MUTED, linewidth=1.2, linestyle=(0, (4, 2)), zorder=1)
    middle = (len(series) - 1) / 2
    for place, (name, style) in enumerate(series.items()):
        one = part[part["series"] == name]
        heights = np.array([rows.index(row) for row in one["row"]]) + APART * (place - middle)
        for height, (low, high) in zip(heights, one[["low", "high"]].to_numpy(dtype=float), strict=True):
            axes.plot([low, high], [height] * 2, color=style["color"], linewidth=2, solid_capstyle="butt")
        least, most = limits or (-np.inf, np.inf)
        mark: dict[str, Any] = {"linestyle": "none", "markersize": 6, "zorder": 3}
        inside = one["mean"].between(least, most)
        axes.plot(one["mean"].where(inside), heights, **mark, label=str(name), **style)
        for end, arrow, beyond in ((least, "<", one["mean"] < least), (most, ">", one["mean"] > most)):
            if beyond.any():
                ends = np.full(int(beyond.sum()), end)
                axes.plot(ends, heights[beyond], **mark, color=style["color"], marker=arrow, clip_on=False)
    axes.set_yticks(range(len(rows)), [str(row) for row in rows])
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.grid(visible=False, axis="y")
