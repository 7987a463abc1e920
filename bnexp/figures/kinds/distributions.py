"""What single units and whole layers see: quantiles over the steps, and histograms before and after normalization."""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, MaxNLocator

from bnexp.figures.layout import Layout
from bnexp.figures.small_multiples import HEIGHT, PANEL, Row, Scale, cut_rows, make_panels, number_steps
from bnexp.figures.style import INK, MUTED, Look, Words, add_words, house_style, make_sheet

QUANTILES: Final = ("unit_q15", "unit_q50", "unit_q85")

OUTLIERS, FAR = 0.02, 4
"""Part of the values at each end that does not stretch the scale of the quantiles where it would by this factor."""

TAIL: Final = 0.005
"""Part of a histogram's values at each end that is not shown."""

PEAK: Final = 3.0
"""A bin this many times the second highest leaves through the top: the values that a relu cuts off are all in one."""

OTHERS: Final = 9
"""Seeds beside the first that are drawn."""


def draw_quantiles(rows: pd.DataFrame, layout: Layout, words: Words) -> Figure:
    """Draw the quantiles of a unit's input over the steps, as in Ioffe & Szegedy 2015, figure 1 b and c.

    `rows` are measurements of single runs; columns: the layout's, run, seed, step and `QUANTILES`. A row of panels per
    cell, a panel per level: the smallest seed in full, the medians of others as thin lines.
    """
    ends = _choose_ends(rows)
    scale = Scale("input of one unit", "linear")
    panels = [
        Row(scale, [(", ".join(filter(None, [name, look.text])), arm) for _, look, arm in layout.arms(cell)])
        for name, cell in layout.cells(rows.assign(mean=np.nan))
    ]
    panels = cut_rows(panels, words.form)
    with house_style():
        figure, grid = make_panels(panels, words, _make_legend(rows))
        for row, places in zip(panels, grid, strict=True):
            for (_, arm), axes in zip(row.panels, places, strict=True):
                _draw_bands(axes, arm, layout.looks[arm[layout.compared].iloc[0]])
                axes.set_ylim(*ends)
                axes.yaxis.set_major_locator(MaxNLocator(6))
                axes.set_xlabel("optimizer steps")
                number_steps(axes)
    return figure


def _choose_ends(rows: pd.DataFrame) -> tuple[float, float]:
    """Return limits within which all that is drawn is seen, unless a few values are far from all others."""
    drawn = pd.concat([rows.loc[rows["seed"] == rows["seed"].min(), list(QUANTILES)], rows[["unit_q50"]]])
    values = drawn.to_numpy(dtype=float)
    values = values[np.isfinite(values)]
    if not len(values):
        return -1.0, 1.0
    ends, inner = np.quantile(values, [0, 1]), np.quantile(values, [OUTLIERS, 1 - OUTLIERS])
    low, high = ends if np.ptp(ends) <= FAR * np.ptp(inner) else inner
    room = 0.06 * (high - low) or 1.0
    return float(low - room), float(high + room)


def _draw_bands(axes: Axes, rows: pd.DataFrame, look: Look) -> None:
    seeds = sorted(rows["seed"].unique())
    for seed in seeds[1 : 1 + OTHERS]:
        other = rows[rows["seed"] == seed].sort_values("step")
        axes.plot(other["step"], other["unit_q50"], color=MUTED, linewidth=0.7, alpha=0.5, zorder=1.5)
    first = rows[rows["seed"] == seeds[0]].sort_values("step")
    low, middle, high = (first[name] for name in QUANTILES)
    axes.fill_between(first["step"], low, high, color=look.colour, alpha=0.2, linewidth=0)
    for values, width, name in ((low, 1.2, "15 %"), (middle, 2.4, "50 %"), (high, 1.2, "85 %")):
        axes.plot(first["step"], values, color=look.colour, linewidth=width, label=name)


def _make_legend(rows: pd.DataFrame) -> list[Any]:
    handles: list[Any] = [
        Line2D([], [], color=INK, linewidth=2.4, label=f"median, seed {rows['seed'].min()}"),
        Patch(facecolor=INK, alpha=0.2, edgecolor=INK, label="15 % to 85 % of the examples"),
    ]
    if rows["seed"].nunique() > 1:
        handles.append(Line2D([], [], color=MUTED, linewidth=0.7, label="medians of other seeds"))
    return handles


def draw_histograms(frame: pd.DataFrame, layout: Layout, words: Words) -> Figure:
    """Draw what enters and leaves the normalization: a column per level, a row per layer and side.

    `frame` has the columns of `statistics.layers.histograms`, the layout's, layer, stage (init or end) and `side`
    (before, after, or input where nothing is normalized). Grey: at initialization; in colour: at the end.
    """
    columns = [(level, look) for level, look in layout.looks.items() if (frame[layout.compared] == level).any()]
    rows = [(layer, side) for layer in sorted(frame["layer"].unique()) for side in ("before", "after")]
    with house_style():
        figure = make_sheet(0.6 + PANEL * len(columns), 1.6 + 0.75 * HEIGHT * len(rows), words.form)
        grid = figure.subplots(len(rows), len(columns), squeeze=False)
        for row, (layer, side) in enumerate(rows):
            sides = [side] if side == "after" else [side, "input"]
            of_row = frame[(frame["layer"] == layer) & frame["side"].isin(sides)]
            for column, (level, look) in enumerate(columns):
                axes, bars = grid[row, column], of_row[of_row[layout.compared] == level]
                if bars.empty:
                    axes.remove()
                    continue
                _draw_densities(axes, bars, look)
                side_text = "activation input" if (bars["side"] == "input").all() else f"{side} BN"
                axes.set_title(f"{level}, layer {layer}, {side_text}", fontsize=10)
        add_words(figure, words, _make_stage_legend(columns))
    return figure


def _draw_densities(axes: Axes, bars: pd.DataFrame, look: Look) -> None:
    tops, ends = [], []
    for stage in ("init", "end"):
        of_stage = bars[bars["stage"] == stage]
        if of_stage.empty:
            continue
        value, width, density = (of_stage[name].to_numpy(dtype=float) for name in ("value", "width", "density"))
        edges = np.append(value - width / 2, value[-1] + width[-1] / 2)
        if stage == "init":
            axes.stairs(density, edges, fill=True, color=MUTED, alpha=0.3, linewidth=0, label=stage)
        else:
            axes.stairs(density, edges, color=look.colour, linewidth=1.6, label=stage)
        below = np.cumsum(density * width)
        ends += [value[np.searchsorted(below, part * below[-1])] for part in (TAIL, 1 - TAIL)]
        second, first = np.sort(density)[-2:]
        tops.append(min(first, PEAK * second))
    axes.set_xlim(min(ends) - 0.04 * np.ptp(ends) - 1e-9, max(ends) + 0.04 * np.ptp(ends) + 1e-9)
    axes.set_ylim(0, 1.08 * max(tops))
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.grid(visible=False, axis="y")
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))


def _make_stage_legend(columns: Sequence[tuple[Any, Look]]) -> list[Any]:
    at_end = [Line2D([], [], color=look.colour, linewidth=1.6, label=f"{level}, at the end") for level, look in columns]
    return [Patch(color=MUTED, alpha=0.3, linewidth=0, label="at initialization"), *at_end]
