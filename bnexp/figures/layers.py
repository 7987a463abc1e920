"""What happens inside the layers: saturation and gradients by layer and step, gaps, landscapes, growth and floors.

Frames have the columns of `statistics.layers.means`: those of the layout, x, probe, mean, low, high and n.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter

from bnexp.figures.layout import WIDEST, Layout
from bnexp.figures.scales import places
from bnexp.figures.small_multiples import Row, Scale, legend, line, make_panels, multiples, number
from bnexp.figures.style import MUTED, Look, drawing
from bnexp.labels import axis_label

SCALES: Final = {
    "saturated": Scale("saturated share", "share"),
    "product_gradient": Scale("squared gradient norm", "log"),
    "effective_lr": Scale("effective learning rate\nlr/‖w‖²", "log"),
    "first_mean_gap": Scale("gap of the means, layer 1\n(standard deviations)", "log"),
    "mean_gap": Scale("gap of the means\n(standard deviations)", "log"),
    "var_gap": Scale("gap of the variances\n|log ratio|", "log"),
    "loss_range": Scale("range of the loss\nalong the gradient (nats)", "log"),
    "gradient_cosine_low": Scale("gradient predictiveness\n(smallest cosine)", "linear"),
    "smoothness": Scale("effective β-smoothness\n‖Δgradient‖/‖Δw‖", "log"),
}

STAGES: Final = {"init": "at initialization", "early": "after 10 % of the steps", "end": "at the end"}

_THEORY: Final[dict[str, Any]] = {"linewidth": 6, "alpha": 0.35, "zorder": 1.6}
"""Broad and pale, so that what was measured is seen to lie on it, or not."""


def by_layer(frame: pd.DataFrame, layout: Layout, title: str, caption: str) -> Figure:
    """Draw one probe against the layer: a row of panels per cell, a column per `stage` (init, early, end)."""
    stages = [stage for stage in STAGES if (frame["stage"] == stage).any()]
    scale = SCALES[frame["probe"].iloc[0]]
    rows = [
        Row(scale, [(_title(name, STAGES[stage]), cell[cell["stage"] == stage]) for stage in stages])
        for name, cell in layout.cells(frame)
    ]
    return multiples(rows, "layer", "layer", None, layout, title, caption)


def by_step(frame: pd.DataFrame, layout: Layout, columns: str, title: str, caption: str) -> Figure:
    """Draw one probe over the steps: a row of panels per cell, a column per value of `columns` (layer, placement)."""
    scale, values = SCALES[frame["probe"].iloc[0]], list(frame[columns].drop_duplicates())
    words = "layer {}" if columns == "layer" else "{}"
    rows = [
        Row(scale, [(_title(name, words.format(value)), cell[cell[columns] == value]) for value in values])
        for name, cell in layout.cells(frame)
    ]
    return multiples(rows, "step", "optimizer steps", None, layout, title, caption)


def against(frame: pd.DataFrame, x: str, layout: Layout, title: str, caption: str) -> Figure:
    """Draw probes against the setting `x`: a column of panels per cell, a row per probe.

    A column `predicted`, if there is one, is drawn as a line without a mark.
    """
    at = places(x, frame[x].dropna())
    rows = _rows(frame, layout)
    figure = multiples(rows, x, axis_label(x), at, layout, title, caption)
    if "predicted" not in frame:
        return figure
    for axes, (_, panel) in zip(figure.axes, (panel for row in rows for panel in row.panels), strict=True):
        for _, look, found in layout.arms(panel.dropna(subset="predicted")):
            theory = found.assign(mean=found["predicted"], low=np.nan, high=np.nan)
            line(axes, theory, x, at, dataclasses.replace(look, line="-", marker=""), THEORY)
            axes.lines[-1].set(**_THEORY)
    return figure


def courses(frame: pd.DataFrame, layout: Layout, title: str, caption: str) -> Figure:
    """Draw probes over the steps: a column of panels per cell, a row per probe."""
    return multiples(_rows(frame, layout), "step", "optimizer steps", None, layout, title, caption)


def _rows(frame: pd.DataFrame, layout: Layout) -> list[Row]:
    """Return a row per probe, several if there are more cells than fit side by side."""
    return [
        Row(SCALES[str(probe)], cells[i : i + WIDEST])
        for probe, part in frame.groupby("probe", sort=False)
        for cells in [layout.cells(part)]
        for i in range(0, len(cells), WIDEST)
    ]


def growth(frame: pd.DataFrame, numbers: pd.DataFrame, layout: Layout, title: str, caption: str) -> Figure:
    """Draw the growth of the squared gradient at each layer of one depth: a panel per cell, theory as level lines.

    `frame` has the layer, and whether it is `in_middle`; `numbers` a row per cell and level with the mean over the
    middle, low, high and predicted, which are written below each panel.
    """
    cells, facts = layout.cells(frame), dict(layout.cells(numbers))
    rows = [Row(Scale("growth of the squared\ngradient per layer", "log"), [cell]) for cell in cells]
    handles = [
        *legend(rows, layout),
        Line2D([], [], color=MUTED, label="theory for wide nets", **_THEORY),
    ]
    rows = [Row(rows[0].scale, cells[i : i + WIDEST]) for i in range(0, len(cells), WIDEST)]
    with drawing():
        figure, grid = make_panels(rows, title, caption, handles)
        for (name, cell), axes in zip(cells, (axes for panels in grid for axes in panels), strict=True):
            middle = cell.loc[cell["in_middle"], "layer"]
            axes.axvspan(middle.min() - 0.5, middle.max() + 0.5, color=MUTED, alpha=0.08, linewidth=0)
            axes.axhline(1, color=MUTED, linewidth=0.8)
            texts = []
            for level, look, found in layout.arms(cell):
                line(axes, found, "layer", None, look, str(level))
                known = facts[name][facts[name][layout.compared] == level]
                texts += [_growth(str(level), row) for row in known.to_dict("records")]
                for value in known["predicted"]:
                    axes.plot([middle.min() - 0.5, middle.max() + 0.5], [value] * 2, label=THEORY, **_theory(look))
            axes.set_xlabel("\n".join(["layer that it arrives at", *texts]), size=8)
            number(axes)
    return figure


def _growth(level: str, row: Mapping[Any, Any]) -> str:
    interval = f" [{row['low']:.3g}, {row['high']:.3g}]" if row["low"] == row["low"] else ""
    return f"{level}: {row['mean']:.3g}{interval}, theory {row['predicted']:.3g}"


def floor(frame: pd.DataFrame, levels: Sequence[tuple[str, pd.DataFrame]], x: str, title: str, caption: str) -> Figure:
    """Draw the share of the variance that is normalized against the setting `x`: a line per layer, theory beside it.

    `levels` are panels, their titles and rows: those of a layout by layer, and `predicted`.
    """
    layout = Layout("layer", tuple(sorted(frame["layer"].unique())))
    rows = [Row(Scale("var/(var + eps)", "share"), levels[i : i + WIDEST]) for i in range(0, len(levels), WIDEST)]
    handles = [Line2D([], [], color=MUTED, label="theory for wide nets", linewidth=1.3)]
    handles += [
        Line2D([], [], color=look.colour, marker=look.marker, linestyle="none", label=look.text)
        for look in layout.looks.values()
    ]
    with drawing():
        figure, grid = make_panels(rows, title, caption, handles)
        for (_, panel), axes in zip(levels, (axes for panels in grid for axes in panels), strict=True):
            for layer, look, found in layout.arms(panel):
                known = found.sort_values(x)
                axes.plot(known[x], known["predicted"], label=THEORY, color=look.colour, linewidth=1.3)
                mark: dict[str, Any] = {"color": look.colour, "marker": look.marker, "linestyle": "none"}
                axes.plot(known[x], known["mean"], label=str(layer), markersize=5, **mark)
            axes.set_xscale("log")
            axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
            axes.set_xlabel(axis_label(x))
    return figure


THEORY: Final = "theory"


def _theory(look: Look) -> dict[str, Any]:
    return {"color": look.colour, **_THEORY}


def _title(*words: str) -> str:
    return ", ".join(word for word in words if word)
