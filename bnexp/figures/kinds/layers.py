"""What happens inside the layers: saturation and gradients by layer and step, gaps, landscapes, growth and floors.

Frames have the columns of `statistics.layers.means`: those of the layout, x, probe, mean, low, high and n.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter

from bnexp.figures.layout import Layout
from bnexp.figures.scales import place_values
from bnexp.figures.small_multiples import (
    Row,
    Scale,
    XAxis,
    cut_rows,
    draw_line,
    draw_multiples,
    make_legend,
    make_panels,
    number_steps,
)
from bnexp.figures.style import MUTED, Words, house_style
from bnexp.labels import axis_label

SCALES: Final = {
    "saturated": Scale("saturated share", "share"),
    "product_gradient": Scale("squared gradient norm", "log"),
    "effective_lr": Scale("lr/‖w‖²", "log"),
    "first_mean_gap": Scale("gap of the means, layer 1\n(standard deviations)", "log"),
    "mean_gap": Scale("gap of the means\n(standard deviations)", "log"),
    "var_gap": Scale("gap of the variances\n|log ratio|", "log"),
    "loss_range": Scale("range of the loss\nalong the gradient (nats)", "log"),
    "gradient_cosine_low": Scale("gradient predictiveness\n(smallest cosine)", "linear"),
    "smoothness": Scale("effective β-smoothness\n‖Δgradient‖/‖Δw‖", "log"),
}

STAGES: Final = {"init": "at initialization", "early": "after 10 % of the steps", "end": "at the end"}

THEORY: Final = "theory"
"""Label of the lines of the theory."""

_THEORY_IN_LEGEND: Final = "theory for wide nets"

_STEPS: Final = XAxis("step", "optimizer steps")

_THEORY: Final[dict[str, Any]] = {"linewidth": 6, "alpha": 0.35, "zorder": 1.6}
"""Broad and pale, so that what was measured is seen to lie on it, or not."""


def draw_by_layer(frame: pd.DataFrame, layout: Layout, words: Words) -> Figure:
    """Draw one probe against the layer: a row of panels per cell, a column per `stage` (init, early, end)."""
    stages = [stage for stage in STAGES if (frame["stage"] == stage).any()]
    scale = SCALES[frame["probe"].iloc[0]]
    rows = [
        Row(scale, [(_join(name, STAGES[stage]), cell[cell["stage"] == stage]) for stage in stages])
        for name, cell in layout.cells(frame)
    ]
    return draw_multiples(rows, XAxis("layer", "layer"), layout, words)


def draw_by_step(frame: pd.DataFrame, layout: Layout, words: Words, *, columns: str) -> Figure:
    """Draw one probe over the steps: a row of panels per cell, a column per value of `columns` (layer, placement)."""
    scale, values = SCALES[frame["probe"].iloc[0]], list(frame[columns].drop_duplicates())
    title = "layer {}" if columns == "layer" else "{}"
    rows = [
        Row(scale, [(_join(name, title.format(value)), cell[cell[columns] == value]) for value in values])
        for name, cell in layout.cells(frame)
    ]
    return draw_multiples(rows, _STEPS, layout, words)


def draw_against(frame: pd.DataFrame, layout: Layout, words: Words, *, x: str) -> Figure:
    """Draw probes against the setting `x`: a column of panels per cell, a row per probe.

    A column `predicted`, if there is one, is drawn as a line without a mark.
    """
    axis = XAxis(x, axis_label(x), place_values(x, frame[x].dropna()))
    rows = cut_rows(_make_rows(frame, layout), words.form)
    figure = draw_multiples(rows, axis, layout, words)
    if "predicted" not in frame:
        return figure
    for axes, (_, panel) in zip(figure.axes, (panel for row in rows for panel in row.panels), strict=True):
        for _, look, arm in layout.arms(panel.dropna(subset="predicted")):
            theory = arm.assign(mean=arm["predicted"], low=np.nan, high=np.nan)
            draw_line(axes, theory, axis, dataclasses.replace(look, line="-", marker=""), THEORY)
            axes.lines[-1].set(**_THEORY)
    return figure


def draw_courses(frame: pd.DataFrame, layout: Layout, words: Words) -> Figure:
    """Draw probes over the steps: a column of panels per cell, a row per probe."""
    return draw_multiples(_make_rows(frame, layout), _STEPS, layout, words)


def _make_rows(frame: pd.DataFrame, layout: Layout) -> list[Row]:
    """Return a row per probe."""
    return [Row(SCALES[str(probe)], layout.cells(part)) for probe, part in frame.groupby("probe", sort=False)]


def draw_growth(frame: pd.DataFrame, numbers: pd.DataFrame, layout: Layout, words: Words) -> Figure:
    """Draw the growth of the squared gradient at each layer of one depth: a panel per cell, theory as level lines.

    `frame` has the layer, and whether it is `in_middle`; `numbers` a row per cell and level with the mean over the
    middle, low, high and predicted, which are written below each panel.
    """
    cells, numbers_of = layout.cells(frame), dict(layout.cells(numbers))
    scale = Scale("growth of the squared\ngradient per layer", "log")
    rows = cut_rows([Row(scale, cells)], words.form)
    handles = [*make_legend(rows, layout), Line2D([], [], color=MUTED, label=_THEORY_IN_LEGEND, **_THEORY)]
    with house_style():
        figure, grid = make_panels(rows, words, handles)
        for (name, cell), axes in zip(cells, (axes for panels in grid for axes in panels), strict=True):
            _draw_growth_of_cell(axes, cell, numbers_of[name], layout)
    return figure


def _draw_growth_of_cell(axes: Axes, cell: pd.DataFrame, numbers: pd.DataFrame, layout: Layout) -> None:
    middle = cell.loc[cell["in_middle"], "layer"]
    ends = middle.min() - 0.5, middle.max() + 0.5
    axes.axvspan(*ends, color=MUTED, alpha=0.08, linewidth=0)
    axes.axhline(1, color=MUTED, linewidth=0.8)
    texts = []
    for level, look, arm in layout.arms(cell):
        draw_line(axes, arm, XAxis("layer", "layer"), look, str(level))
        of_level = numbers[numbers[layout.compared] == level]
        texts += [_growth_text(str(level), row) for row in of_level.to_dict("records")]
        for value in of_level["predicted"]:
            axes.plot(ends, [value] * 2, label=THEORY, color=look.colour, **_THEORY)
    axes.set_xlabel("\n".join(["layer that it arrives at", *texts]), size=8)
    number_steps(axes)


def _growth_text(level: str, row: Mapping[Any, Any]) -> str:
    interval = f" [{row['low']:.3g}, {row['high']:.3g}]" if row["low"] == row["low"] else ""
    return f"{level}: {row['mean']:.3g}{interval}, theory {row['predicted']:.3g}"


def draw_floor(panels: Sequence[tuple[str, pd.DataFrame]], layout: Layout, words: Words, *, x: str) -> Figure:
    """Draw the share of the variance that is normalized against the setting `x`: a line per layer, theory beside it.

    `panels` are their titles and rows: those of a `layout` by layer, and `predicted`.
    """
    rows = cut_rows([Row(Scale("var/(var + eps)", "share"), panels)], words.form)
    handles = [Line2D([], [], color=MUTED, label=_THEORY_IN_LEGEND, linewidth=1.3)]
    handles += [
        Line2D([], [], color=look.colour, marker=look.marker, linestyle="none", label=look.text)
        for look in layout.looks.values()
    ]
    with house_style():
        figure, grid = make_panels(rows, words, handles)
        for (_, panel), axes in zip(panels, (axes for places in grid for axes in places), strict=True):
            for layer, look, arm in layout.arms(panel.sort_values(x)):
                axes.plot(arm[x], arm["predicted"], label=THEORY, color=look.colour, linewidth=1.3)
                mark: dict[str, Any] = {"color": look.colour, "marker": look.marker, "linestyle": "none"}
                axes.plot(arm[x], arm["mean"], label=str(layer), markersize=5, **mark)
            axes.set_xscale("log")
            axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
            axes.set_xlabel(axis_label(x))
    return figure


def _join(*words: str) -> str:
    return ", ".join(word for word in words if word)
