"""What training ends at, against any axis: lines with bands, and below them the share of runs that went wrong."""

from typing import Any, Final

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FixedLocator, FuncFormatter

from bnexp.figures.layout import WIDEST, Layout, add_panels, has_choice, label_first, wrap_titles
from bnexp.figures.scales import Places, place_values, scale_label, scale_metric
from bnexp.figures.style import INK, MOST_POINTS, SEEDS, Look, Words, add_words, house_style, make_sheet
from bnexp.labels import axis_label

PANEL, BESIDE = 3.6, 1.2
"""Width of a panel, and of what is beside all of them, in inches."""

ASIDE: Final = 0.06
"""Distance between single points of two levels, in steps of the axis."""

SHIFT: Final = 0.1
"""Distance between the seeds of two levels, in steps of the axis."""

STUCK: Final = "//////"
"""Hatch of the runs that are stuck."""


def draw_finals(
    finals: pd.DataFrame, layout: Layout, words: Words, *, x: str, metric: str, seeds: pd.DataFrame | None = None
) -> Figure:
    """Draw `metric` at the end against the column `x` (lr, batch_size, hidden, …): a panel per cell, a line per level.

    `finals` has a row per cell, level and value of `x`; columns: the layout's, `x`, mean, low, high (missing for one
    seed), n, diverged, stuck (runs) and best. A row that is the best of several is ringed. A level in which `x` cannot
    act (missing there) is a level line. `seeds`, with the layout's columns, `x` and value, are light points where they
    are at most `MOST_POINTS` of a level and value. Under each panel stands the share of runs that diverged or are
    stuck, if any.
    """
    cells, places = layout.cells(finals), place_values(x, finals[x].dropna())
    wrong = bool((finals["diverged"] + finals["stuck"]).any())
    chosen = has_choice(finals)
    pointed = seeds is not None and 1 < finals["n"].max() <= MOST_POINTS
    points = dict(layout.cells(seeds)) if seeds is not None and pointed else {}
    columns = words.form.choose_columns(len(cells), WIDEST, PANEL, BESIDE)
    titles, more = wrap_titles([name for name, _ in cells], PANEL)
    with house_style():
        panel = (4.0 if wrong else 3.2) + more + places.measure_height(PANEL)
        figure = make_sheet(BESIDE + PANEL * columns, 1.6 + panel * -(-len(cells) // columns), words.form)
        stacks = add_panels(figure, len(cells), columns, (3.4, 1) if wrong else (1,))
        for (name, cell), title, stack in zip(cells, titles, stacks, strict=True):
            stack[0].set_title(title)
            for level, look, rows in layout.arms(cell):
                aside = ASIDE * (layout.levels.index(level) - (len(layout.levels) - 1) / 2)
                _draw_line(stack[0], rows, places, look, label=str(level), aside=aside)
                if name in points:
                    _draw_seeds(stack[0], points[name], layout, level, places, aside=aside if len(rows) == 1 else 0)
                if chosen:
                    _ring_best(stack[0], rows, places, look)
            if wrong:
                _draw_shares(stack[1], cell, places, layout)
            places.write_values(stack[-1], axis_label(x), PANEL)
            stack[-1].tick_params(labelbottom=True)
        tops = [stack[0] for stack in stacks]
        drawn = [finals[["mean", "low", "high"]], *(cell[["value"]] for cell in points.values())]
        scale_metric(tops, metric, np.concatenate([part.to_numpy(dtype=float).ravel() for part in drawn]))
        label_first(tops, columns, scale_label(metric))
        if wrong:
            label_first([stack[1] for stack in stacks], columns, "went\nwrong")
        add_words(figure, words, _make_legend(finals, layout, chosen, pointed))
    return figure


def _draw_line(axes: Axes, rows: pd.DataFrame, places: Places, look: Look, *, label: str, aside: float) -> None:
    """Draw one level: a line with its band; a single point, which has no band to be seen, `aside` with its interval."""
    style: dict[str, Any] = {"color": look.colour, "linestyle": look.line, "linewidth": 2, "label": label}
    if rows[places.axis].isna().all():
        rows = pd.concat([rows.head(1)] * 2).assign(place=list(places.ends))
    else:
        rows = rows.assign(place=rows[places.axis].map(places.positions)).dropna(subset="place").sort_values("place")
        style |= {"marker": look.marker, "markersize": 5}
    if len(rows) == 1:
        rows = rows.assign(place=rows["place"] + aside)
        axes.vlines(rows["place"], rows["low"], rows["high"], color=look.colour, linewidth=1.4)
    elif rows["low"].notna().any():
        axes.fill_between(
            rows["place"], rows["low"], rows["high"], color=look.colour, alpha=0.13, linewidth=0, zorder=1
        )
    axes.plot(rows["place"], rows["mean"], **style)


def _draw_seeds(axes: Axes, seeds: pd.DataFrame, layout: Layout, level: Any, places: Places, *, aside: float) -> None:
    """Draw the seeds of `level`, a bit aside from its line, which would hide them."""
    rows = seeds[seeds[layout.compared] == level].dropna(subset=places.axis)
    shift = aside or SHIFT * (layout.levels.index(level) - (len(layout.levels) - 1) / 2)
    place = rows[places.axis].map(places.positions).to_numpy(dtype=float) + shift
    axes.plot(place, rows["value"], **SEEDS, color=layout.looks[level].colour, zorder=1.2)


def _ring_best(axes: Axes, rows: pd.DataFrame, places: Places, look: Look) -> None:
    best = rows[rows["best"].astype(bool)]
    axes.plot(best[places.axis].map(places.positions), best["mean"], **_RING, color=look.colour)


_RING: Final[dict[str, Any]] = {
    "linestyle": "none",
    "marker": "o",
    "markersize": 13,
    "markerfacecolor": "none",
    "markeredgewidth": 1.6,
    "zorder": 3,
}


def _draw_shares(axes: Axes, cell: pd.DataFrame, places: Places, layout: Layout) -> None:
    """Draw the share of runs of each level that diverged (filled) and, on top of it, that are stuck (hatched)."""
    width = 0.84 / len(layout.levels)
    for level, look, rows in layout.arms(cell.dropna(subset=places.axis)):
        offset = (layout.levels.index(level) - (len(layout.levels) - 1) / 2) * width
        place = rows[places.axis].map(places.positions).to_numpy(dtype=float) + offset
        diverged, stuck = (rows[name].to_numpy(dtype=float) / rows["n"].to_numpy(dtype=float) for name in _WRONG)
        axes.bar(place, diverged, width, color=look.colour, linewidth=0, label=f"{level} diverged")
        axes.bar(
            place,
            stuck,
            width,
            bottom=diverged,
            facecolor="none",
            edgecolor=look.colour,
            hatch=STUCK,
            linewidth=0.8,
            label=f"{level} stuck",
        )
    axes.set_ylim(0, 1.04)
    axes.yaxis.set_major_locator(FixedLocator([0, 0.5, 1]))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:g} %"))
    axes.tick_params(axis="y", labelsize=8)


_WRONG: Final = ("diverged", "stuck")


def _make_legend(finals: pd.DataFrame, layout: Layout, chosen: bool, pointed: bool) -> list[Any]:
    handles: list[Any] = []
    for _, look, _ in layout.arms(finals):
        handle = look.make_handle(look.text)
        handle.set(marker=look.marker, markersize=5)
        handles.append(handle)
    if pointed:
        handles.append(Line2D([], [], **SEEDS, color=INK))
    if chosen:
        handles.append(Line2D([], [], color=INK, label="best on validation", **{**_RING, "markersize": 10}))
    if finals["diverged"].any():
        handles.append(Patch(color=INK, linewidth=0, label="diverged"))
    if finals["stuck"].any():
        handles.append(Patch(facecolor="none", edgecolor=INK, hatch=STUCK, linewidth=0.8, label="stuck"))
    return handles
