"""Training curves: loss and validation accuracy against steps."""

from typing import Any, Final

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bnexp.figures.layout import WIDEST, Layout, add_panels, label_ends, label_first, wrap_titles
from bnexp.figures.scales import scale_accuracies, scale_label, scale_losses
from bnexp.figures.style import Look, Words, add_words, house_style, make_sheet, solve_layout
from bnexp.labels import number_text

FEW: Final = 5
"""Most seeds that have thin lines of their own."""

BESIDE: Final = 1.2
"""Inches beside the panels."""

WARM: Final = 0.1
"""Part of the training whose accuracies do not stretch the axis: the differences that matter come after it."""


def draw_curves(estimates: pd.DataFrame, seeds: pd.DataFrame, layout: Layout, words: Words) -> Figure:
    """Draw training loss and validation accuracy against steps: a column per cell, a line per level.

    `estimates` are the curves' means (columns: the layout's, lr if it varies, step, metric, mean, low, high, n) and
    `seeds` the curves of single runs (the layout's, run, step and a column per metric), with one lr per cell and level;
    if it varies, each line says its own.
    """
    cells, single = layout.cells(estimates), dict(layout.cells(seeds))
    tuned = "lr" in estimates and estimates["lr"].nunique() > 1
    panel, form = 4.4 if tuned else 3.6, words.form
    columns = form.choose_columns(len(cells), WIDEST, panel, BESIDE)
    titles, more = wrap_titles([name for name, _ in cells], panel)
    with house_style():
        height = 1.4 + (4.8 + more) * -(-len(cells) // columns)
        figure = make_sheet(BESIDE + panel * columns, height, form)
        stacks = add_panels(figure, len(cells), columns, (1, 1))
        losses, accuracies = ([stack[row] for stack in stacks] for row in (0, 1))
        for (name, cell), title, loss, accuracy in zip(cells, titles, losses, accuracies, strict=True):
            _draw_lines(loss, cell, single.get(name, seeds[:0]), layout, "train_loss")
            _draw_lines(accuracy, cell, single.get(name, seeds[:0]), layout, "validation_accuracy")
            loss.set_title(title)
            accuracy.set_xlabel("optimizer steps")
        _scale_losses(losses, estimates, columns)
        _scale_accuracies(accuracies, estimates, columns)
        add_words(figure, words, layout.make_handles(estimates[estimates["metric"] == "validation_accuracy"]))
        if tuned:
            solve_layout(figure)  # the labels need the panels' final heights
            for (_, cell), accuracy in zip(cells, accuracies, strict=True):
                ends = [_label_end(level, look, rows) for level, look, rows in layout.arms(cell)]
                label_ends(accuracy, [end for end in ends if end])
    return figure


def _draw_lines(axes: Axes, cell: pd.DataFrame, seeds: pd.DataFrame, layout: Layout, metric: str) -> None:
    """Draw the mean, the interval and, where they are few, the seeds of `metric` for each level."""
    for level, look, rows in layout.arms(cell[cell["metric"] == metric]):
        if 1 < rows["n"].max() <= FEW:
            for _, seed in seeds[seeds[layout.compared] == level].dropna(subset=metric).groupby("run"):
                axes.plot(seed["step"], seed[metric], color=look.colour, linewidth=0.6, alpha=0.45, zorder=1.5)
        if rows["low"].notna().any():
            band: dict[str, Any] = {"color": look.colour, "alpha": 0.13, "linewidth": 0, "zorder": 1}
            axes.fill_between(rows["step"], rows["low"], rows["high"], **band)
        axes.plot(rows["step"], rows["mean"], color=look.colour, linestyle=look.line, linewidth=2.2, label=str(level))


def _label_end(level: object, look: Look, rows: pd.DataFrame) -> tuple[float, str, str] | None:
    rows = rows[rows["metric"] == "validation_accuracy"]
    if rows.empty:
        return None
    return rows["mean"].iloc[-1], f"{number_text(level)}, lr {number_text(rows['lr'].iloc[-1])}", look.colour


def _scale_losses(panels: list[Axes], estimates: pd.DataFrame, columns: int) -> None:
    """Give all `panels` one scale for the loss; a mean far above the loss at initialization leaves through the top."""
    mean = estimates.loc[(estimates["metric"] == "train_loss") & (estimates["mean"] > 0), "mean"]
    start = estimates.loc[(estimates["metric"] == "validation_loss") & (estimates["step"] == 0), "mean"]
    scale_losses(panels, mean.min(), min(mean.max(), 2 * start.max()))
    label_first(panels, columns, "training loss (nats)")


def _scale_accuracies(panels: list[Axes], estimates: pd.DataFrame, columns: int) -> None:
    """Give all `panels` one scale for the accuracy that the later, flat part of the curves decides."""
    accuracies = estimates[estimates["metric"] == "validation_accuracy"]
    mean = accuracies.loc[accuracies["step"] >= WARM * accuracies["step"].max(), "mean"]
    scale_accuracies(panels, mean.min(), mean.max())
    label_first(panels, columns, scale_label("validation_accuracy"))
