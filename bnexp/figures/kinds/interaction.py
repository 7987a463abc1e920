"""Arms at their best learning rate: how the compared axis interacts with another."""

from typing import Any, Final

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from bnexp.figures.layout import WIDEST, Layout, add_panels, label_ends, label_first, wrap_titles
from bnexp.figures.scales import SIGN, measure_texts, scale_label, scale_metric, write_ticks
from bnexp.figures.style import Look, Words, add_words, choose_looks, house_style, make_sheet, solve_layout
from bnexp.labels import axis_label, number_text, sort_values

STEP, WIDE_STEP, NARROW_STEP, FEW = 0.7, 1.1, 0.4, 5
"""Inches between two levels: of few, up to FEW, as their names ask for, and of more."""

BESIDE: Final = 1.2
"""Inches beside the panels."""

DODGE, SPREAD = 0.035, 0.2
"""How far neighbouring lines stand apart, so that their intervals can be told, and at most the first and the last of
them: shares of the distance between two levels."""


def draw_interaction(finals: pd.DataFrame, layout: Layout, words: Words, *, lines: str, metric: str) -> Figure:
    """Draw `metric` at the end against the levels (x), a line for each value of the column `lines`.

    `finals` has one row per cell, level and value of `lines`; columns: the layout's, `lines`, mean, low and high. A
    value whose lines all fall or rise alike has no interaction with the others.
    """
    cells, line_looks = layout.cells(finals), choose_looks(lines, sort_values(lines, finals[lines].dropna()))
    alone = len(cells) == 1  # else every panel would name the same lines
    levels = [number_text(level) for level in layout.levels]
    step = min(max(STEP, SIGN * max(map(len, levels))), WIDE_STEP) if len(levels) <= FEW else NARROW_STEP
    panel = 0.9 + step * len(levels) + 1.2 * alone
    columns = words.form.choose_columns(len(cells), WIDEST, panel, BESIDE)
    titles, more = wrap_titles([name for name, _ in cells], panel)
    with house_style():
        height = (4.2 if alone else 3.4) + more + measure_texts(levels, step)
        figure = make_sheet(BESIDE + panel * columns, 1.4 + height * -(-len(cells) // columns), words.form)
        tops = [stack[0] for stack in add_panels(figure, len(cells), columns, (1,))]
        for (_, cell), title, axes in zip(cells, titles, tops, strict=True):
            axes.set_title(title)
            write_ticks(axes, range(len(levels)), levels, step)
            axes.set_xlim(-0.3, len(levels) - 0.7)
            axes.set_xlabel(axis_label(layout.compared))
            axes.grid(visible=False, axis="x")
            for number, (value, look) in enumerate(line_looks.items()):
                shift = min(DODGE, SPREAD / len(line_looks)) * (number - (len(line_looks) - 1) / 2)
                _draw_line(axes, _select_line(cell, lines, value, layout), shift, look, str(value))
        scale_metric(tops, metric, finals[["mean", "low", "high"]].to_numpy(dtype=float))
        label_first(tops, columns, scale_label(metric))
        add_words(figure, words, [] if alone else [_make_handle(look) for look in line_looks.values()])
        if alone:
            solve_layout(figure)  # the labels need the panel's final height
            rows = [(_select_line(cells[0][1], lines, value, layout), look) for value, look in line_looks.items()]
            label_ends(tops[0], [_label_end(*row) for row in rows])
    return figure


def _make_handle(look: Look) -> Line2D:
    handle = look.make_handle(look.text)
    handle.set(marker=look.marker, markersize=6)
    return handle


def _select_line(cell: pd.DataFrame, lines: str, value: Any, layout: Layout) -> pd.DataFrame:
    """Return the rows of one line in the order of the levels, with the `place` of each."""
    rows: pd.DataFrame = cell[cell[lines] == value].set_index(layout.compared).reindex(layout.levels)
    return rows.assign(place=np.arange(len(rows), dtype=float)).dropna(subset="mean")


def _draw_line(axes: Axes, rows: pd.DataFrame, shift: float, look: Look, label: str) -> None:
    place = rows["place"] + shift
    style: dict[str, Any] = {"color": look.colour, "linestyle": look.line, "marker": look.marker, "label": label}
    axes.plot(place, rows["mean"], linewidth=2, markersize=6, **style)
    if rows["low"].notna().any():
        axes.vlines(place, rows["low"], rows["high"], color=look.colour, linewidth=1.2)


def _label_end(rows: pd.DataFrame, look: Look) -> tuple[float, str, str]:
    return (float(rows["mean"].iloc[-1]) if len(rows) else np.nan), look.text, look.colour
