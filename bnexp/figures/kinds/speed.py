"""How many steps each arm takes to a threshold: a row per arm, with what it takes as text beside it."""

from typing import Any, Final

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, MaxNLocator

from bnexp.figures.layout import Layout
from bnexp.figures.scales import percent_text
from bnexp.figures.style import INK, MUTED, PAPER, Look, Words, add_words, house_style, make_sheet
from bnexp.figures.text_columns import TextColumns, choose_left_texts, figure_width, make_columns
from bnexp.labels import number_text

ROW: Final = 0.32
"""Height of an arm's row in inches."""

AXES: Final = 5.0
"""Width of the axes in inches."""


def draw_speed(times: pd.DataFrame, layout: Layout, words: Words) -> Figure:
    """Draw the steps to a threshold: a group per cell, a row per level, and the horizon up to which all were followed.

    `times` has a row per cell and level; columns: the layout's, threshold (accuracy), mean (restricted), low, high,
    reached, n and horizon (all in steps). A hollow mark says that not every run reached the threshold: the mean then
    counts the others at the horizon.
    """
    cells = layout.cells(times)
    names = choose_left_texts(
        [number_text(level) for level in times[layout.compared]], [_compose_head(*cell) for cell in cells]
    )
    columns = [[_make_cells(row)[i] for row in times.to_dict("records")] for i in (0, 1)]
    height = 0.2 + ROW * sum(1.35 * bool(name) + len(cell) for name, cell in cells)
    with house_style():
        figure = make_sheet(figure_width(names, columns, AXES), 1.9 + height, words.form)
        table, top = make_columns(figure, height, names, columns), 0.2
        for name, cell in cells:
            if name:
                table.write_head(top, _compose_head(name, cell))
                top += 0.85 * ROW
            for level, look, rows in layout.arms(cell):
                _draw_row(table, top, number_text(level), look, rows.iloc[0].to_dict())
                top += ROW
            top += 0.35 * ROW
        for horizon in times["horizon"].dropna().unique():
            table.axes.axvline(horizon, color=MUTED, linewidth=1, linestyle=_HORIZON)
        table.axes.set_xlim(0, 1.03 * float(times[["mean", "high", "horizon"]].max().max()))
        table.axes.xaxis.set_major_locator(MaxNLocator(5))
        table.axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
        table.axes.set_xlabel("optimizer steps to the threshold (restricted mean)")
        add_words(figure, words, _make_legend(times))
    return figure


def _compose_head(name: str, cell: pd.DataFrame) -> str:
    thresholds = cell["threshold"].dropna()
    return f"{name}, to {percent_text(thresholds.iloc[0])}" if len(thresholds) else name


def _draw_row(table: TextColumns, top: float, name: str, look: Look, facts: dict[Any, Any]) -> None:
    face = look.colour if facts["reached"] == facts["n"] else PAPER
    mark: dict[str, Any] = {"marker": look.marker, "color": look.colour, "markerfacecolor": face, "markersize": 7}
    table.axes.plot([facts["low"], facts["high"]], [top] * 2, color=look.colour, linewidth=2.2, solid_capstyle="butt")
    table.axes.plot(facts["mean"], top, linestyle="none", zorder=3, **mark)
    table.write_name(top, name)
    table.write_cells(top, _make_cells(facts))


def _make_cells(facts: dict[Any, Any]) -> tuple[str, str]:
    interval = f" [{facts['low']:,.0f}, {facts['high']:,.0f}]" if np.isfinite(facts["low"]) else ""
    return f"{facts['mean']:,.0f}{interval}", f"{facts['reached']:g}/{facts['n']:g} reached"


_HORIZON: Final[Any] = (0, (4, 3))


def _make_legend(times: pd.DataFrame) -> list[Line2D]:
    mark: dict[str, Any] = {"color": INK, "marker": "o", "linestyle": "none", "markersize": 7}
    handles = [Line2D([], [], **mark, label="all runs reached it")]
    if (times["reached"] < times["n"]).any():
        handles.append(
            Line2D([], [], **mark, markerfacecolor=PAPER, label="not all did: the others count at the horizon")
        )
    return [*handles, Line2D([], [], color=MUTED, linewidth=1, linestyle=_HORIZON, label="horizon")]
