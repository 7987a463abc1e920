"""What training ends at, against any axis: lines with bands, and below them the share of runs that went wrong."""

from typing import Any, Final

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FixedLocator, FuncFormatter

from bnexp.figures.layout import WIDEST, Layout, add_panels, has_choice, label_first
from bnexp.figures.scales import Places, place_values, scale_label, scale_metric
from bnexp.figures.style import INK, NARROWEST, Look, Words, add_words, house_style, make_sheet
from bnexp.labels import axis_label

PANEL: Final = 3.6
"""Width of a panel in inches."""

ASIDE: Final = 0.06
"""Distance between single points of two levels, in steps of the axis."""

STUCK: Final = "//////"
"""Hatch of the runs that are stuck."""


def draw_finals(finals: pd.DataFrame, layout: Layout, words: Words, *, x: str, metric: str) -> Figure:
    """Draw `metric` at the end against the column `x` (lr, batch_size, hidden, …): a panel per cell, a line per level.

    `finals` has a row per cell, level and value of `x`; columns: the layout's, `x`, mean, low, high (missing for one
    seed), n, diverged, stuck (runs) and best. A row that is the best of several is ringed. A level in which `x` cannot
    act (missing there) is a level line. Under each panel stands the share of runs that diverged or are stuck, if any.
    """
    cells, places = layout.cells(finals), place_values(x, finals[x].dropna())
    wrong = bool((finals["diverged"] + finals["stuck"]).any())
    chosen = has_choice(finals)
    blocks, columns = -(-len(cells) // WIDEST), min(len(cells), WIDEST)
    with house_style():
        figure = make_sheet(max(NARROWEST, 1.2 + PANEL * columns), 1.6 + blocks * (4.0 if wrong else 3.2))
        stacks = add_panels(figure, len(cells), WIDEST, (3.4, 1) if wrong else (1,))
        for (name, cell), stack in zip(cells, stacks, strict=True):
            stack[0].set_title(name)
            for level, look, rows in layout.arms(cell):
                aside = ASIDE * (layout.levels.index(level) - (len(layout.levels) - 1) / 2)
                _draw_line(stack[0], rows, places, look, label=str(level), aside=aside)
                if chosen:
                    _ring_best(stack[0], rows, places, look)
            if wrong:
                _draw_shares(stack[1], cell, places, layout)
            places.write_values(stack[-1], axis_label(x), PANEL)
            stack[-1].tick_params(labelbottom=True)
        tops = [stack[0] for stack in stacks]
        scale_metric(tops, metric, finals[["mean", "low", "high"]].to_numpy(dtype=float))
        label_first(tops, WIDEST, scale_label(metric))
        if wrong:
            label_first([stack[1] for stack in stacks], WIDEST, "went\nwrong")
        add_words(figure, words, _make_legend(finals, layout, chosen))
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


def _make_legend(finals: pd.DataFrame, layout: Layout, chosen: bool) -> list[Any]:
    handles: list[Any] = []
    for _, look, _ in layout.arms(finals):
        handle = look.make_handle(look.text)
        handle.set(marker=look.marker, markersize=5)
        handles.append(handle)
    if chosen:
        handles.append(Line2D([], [], color=INK, label="best on validation", **{**_RING, "markersize": 10}))
    if finals["diverged"].any():
        handles.append(Patch(color=INK, linewidth=0, label="diverged"))
    if finals["stuck"].any():
        handles.append(Patch(facecolor="none", edgecolor=INK, hatch=STUCK, linewidth=0.8, label="stuck"))
    return handles
