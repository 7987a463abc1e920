"""The figures: one function each, estimates in, a figure out; nothing is estimated here.

Drawn with matplotlib's objects alone: no display, no current figure, no setting that outlives the call. Colours: Okabe
and Ito 2008, "Color universal design"; line styles say the same once more, for greyscale and for projectors.
"""

import io
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, Literal

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator
from numpy.typing import NDArray

from bnexp.choices import Activation, Placement

COLOURS: Final = {Placement.none: "#000000", Placement.pre: "#0072B2", Placement.post: "#D55E00"}
LINES: Final[dict[Placement, Any]] = {Placement.none: (0, (1, 1)), Placement.pre: "-", Placement.post: (0, (5, 1.5))}
LABELS: Final = {
    Placement.none: "none",
    Placement.pre: "pre (BN → activation)",
    Placement.post: "post (activation → BN)",
}

KINDS: Final[tuple[Literal["png"], Literal["svg"]]] = ("png", "svg")

FEW: Final = 5
"""Up to so many seeds, each has a thin line of its own."""

COLUMNS: Final = 5
"""Activations side by side, before the next ones start new rows."""

FACTOR: Final = 20
"""A loss that spans more than this factor is drawn on a logarithmic scale."""

PERFECT: Final = 1e-3
"""Added to the error rate before its logarithm is taken, so that an accuracy of 1 has a place."""

TICKS: Final = (
    (0.1, 0.5, 0.8, 0.9, 0.95, 0.97, 0.98, 0.99, 0.995, 0.998),
    (0.1, 0.3, 0.5, 0.7, 0.8, 0.85, 0.9, 0.93, 0.95, 0.96, 0.97, 0.975, 0.98, 0.985, 0.99, 0.993, 0.995, 0.997, 0.999),
)
"""Accuracies to be written at the axis: the first row of which four are in sight."""

WARM: Final = 0.1
"""Part of the training whose accuracies do not stretch the axis: the differences that matter come after it."""

_STYLE: Final[dict[Any, Any]] = {
    "font.family": "sans-serif",
    "font.size": 11,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#E3E3E3",
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "legend.fontsize": 10.5,
    "legend.handlelength": 2.6,
    "legend.columnspacing": 1.5,
    "svg.fonttype": "none",
    "svg.hashsalt": "bnexp",
}


def curves(estimates: pd.DataFrame, seeds: pd.DataFrame, title: str, caption: str) -> Figure:
    """Draw training loss and validation accuracy against steps: a column per activation, a line per placement.

    `estimates` are rows of `statistics.curves` and `seeds` rows of `statistics.followed`, of one setting, so that
    placement and activation tell the arms apart. Accuracies are drawn by the logarithm of the error rate, so that from
    98 to 99 % is as far as from 80 to 90 %.
    """
    activations = [activation for activation in Activation if (estimates["activation"] == activation).any()]
    columns, blocks = min(len(activations), COLUMNS), -(-len(activations) // COLUMNS)
    with _style():
        figure = Figure(figsize=(max(7.6, 1.2 + 3.6 * columns), 1.4 + 4.8 * blocks), layout="constrained")
        FigureCanvasAgg(figure)
        grid = figure.subplots(2 * blocks, columns, sharex=True, squeeze=False)
        cells = [(2 * (i // columns), i % columns) for i in range(blocks * columns)]
        losses = [grid[row, column] for row, column in cells]
        accuracies = [grid[row + 1, column] for row, column in cells]
        for axes in losses[len(activations) :] + accuracies[len(activations) :]:
            axes.remove()
        for activation, loss, accuracy in zip(activations, losses, accuracies, strict=False):
            _lines(loss, _of(estimates, activation), _of(seeds, activation), "train_loss")
            _lines(accuracy, _of(estimates, activation), _of(seeds, activation), "validation_accuracy")
            loss.set_title(activation, weight="bold", size=12)
            accuracy.set_xlabel("optimizer steps")
            accuracy.tick_params(labelbottom=True)
        _scale_losses(losses[: len(activations)], estimates)
        _scale_accuracies(accuracies[: len(activations)], estimates)
        legend = figure.legend(handles=_legend(estimates), loc="outside upper center", ncols=3, title=title)
        legend.get_title().set(size=13, weight="bold", parse_math=False)
        text = _wrapped(caption, int(16 * figure.get_figwidth()))
        figure.supxlabel(text, x=0.01, ha="left", size=8, color="#444444", linespacing=1.4, parse_math=False)
    return figure


def written(figure: Figure, kind: Literal["png", "svg"]) -> bytes:
    """Return `figure` as a file's content: PNG at 200 dpi, or SVG with text as text; equal if redrawn."""
    content = io.BytesIO()
    with _style():
        figure.savefig(content, format=kind, dpi=200, metadata={"Date": None} if kind == "svg" else {})
    return content.getvalue()


@contextmanager
def _style() -> Iterator[None]:
    """Draw in the house's style, whatever the user's own settings of matplotlib are, and put those back."""
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_STYLE)
        yield


def _wrapped(caption: str, width: int) -> str:
    lines = (textwrap.wrap(line, width, break_on_hyphens=False) for line in caption.splitlines())
    return "\n".join(line for wrapped in lines for line in wrapped)


def _of(frame: pd.DataFrame, activation: Activation) -> pd.DataFrame:
    return frame[frame["activation"] == activation]


def _lines(axes: Axes, estimates: pd.DataFrame, seeds: pd.DataFrame, metric: str) -> None:
    """Draw the mean, the interval and, where they are few, the seeds of `metric` for each placement."""
    estimates = estimates[estimates["metric"] == metric]
    for placement in Placement:
        mean = estimates[estimates["placement"] == placement]
        if mean.empty:
            continue
        colour = COLOURS[placement]
        if 1 < mean["n"].max() <= FEW:
            for _, seed in seeds[seeds["placement"] == placement].dropna(subset=metric).groupby("run"):
                axes.plot(seed["step"], seed[metric], color=colour, linewidth=0.6, alpha=0.45, zorder=1.5)
        if mean["low"].notna().any():
            axes.fill_between(mean["step"], mean["low"], mean["high"], color=colour, alpha=0.13, linewidth=0, zorder=1)
        axes.plot(mean["step"], mean["mean"], color=colour, linestyle=LINES[placement], linewidth=2.2, label=placement)


def _legend(estimates: pd.DataFrame) -> list[Line2D]:
    """Return a handle for each placement, its text with the number of seeds, from the smallest to the largest."""
    handles = []
    for placement in Placement:
        n = estimates.loc[(estimates["placement"] == placement) & (estimates["metric"] == "validation_accuracy"), "n"]
        if len(n):
            count = f"{n.min()}" if n.min() == n.max() else f"{n.min()}–{n.max()}"
            text = f"{LABELS[placement]}, n = {count}"
            handles.append(
                Line2D([], [], color=COLOURS[placement], linestyle=LINES[placement], linewidth=2.2, label=text)
            )
    return handles


def _scale_losses(panels: list[Axes], estimates: pd.DataFrame) -> None:
    """Give all `panels` one scale for the loss; a mean far above the loss at initialization leaves through the top."""
    mean = estimates.loc[(estimates["metric"] == "train_loss") & (estimates["mean"] > 0), "mean"]
    start = estimates.loc[(estimates["metric"] == "validation_loss") & (estimates["step"] == 0), "mean"]
    low, high = mean.min(), min(mean.max(), 2 * start.max())
    for axes in panels:
        if high > FACTOR * low:
            axes.set_yscale("log", nonpositive="clip")
            axes.set_ylim(low / 1.2, high * 1.2)
            axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        else:
            axes.set_ylim(0, high * 1.05)
    _label_first(panels, "training loss (nats)")


def _scale_accuracies(panels: list[Axes], estimates: pd.DataFrame) -> None:
    """Give all `panels` one scale for the accuracy, by the logarithm of the error rate; see `curves`."""
    drawn = estimates[estimates["metric"] == "validation_accuracy"]
    mean = drawn.loc[drawn["step"] >= WARM * drawn["step"].max(), "mean"]
    bottom, top = _closeness(np.array([mean.min(), mean.max()]))
    margin = 0.06 * (top - bottom) + 0.01
    low, high = _accuracy(np.array([bottom - margin, top + margin]))
    for axes in panels:
        axes.set_yscale("function", functions=(_closeness, _accuracy))
        axes.set_ylim(low, high)
        ticks = next((ticks for ticks in TICKS if sum(low <= tick <= high for tick in ticks) >= 4), None)
        axes.yaxis.set_major_locator(FixedLocator(ticks) if ticks else MaxNLocator(6))
        axes.yaxis.set_minor_locator(NullLocator())
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:.4g} %"))
    _label_first(panels, "validation accuracy\n(error on a log scale)")


def _label_first(panels: list[Axes], label: str) -> None:
    """Name the scale at the first panel of each row, and number it nowhere else."""
    for index, axes in enumerate(panels):
        if index % COLUMNS == 0:
            axes.set_ylabel(label)
        else:
            axes.tick_params(labelleft=False)


def _closeness(accuracy: NDArray[np.float64]) -> NDArray[np.float64]:
    return -np.log10(np.maximum(1 - accuracy, 0) + PERFECT)


def _accuracy(closeness: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(1 + PERFECT - 10**-closeness)
