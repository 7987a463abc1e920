"""Predicted against measured: a named point per activation, and the line on which both are equal."""

from collections.abc import Sequence
from typing import Final

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from bnexp.figures.style import INK, MUTED, Words, add_words, balance_text, house_style, make_sheet, solve_layout

SIDE: Final = 5.6
"""Width of a panel in inches."""

OFFSETS: Final = ((6, 5), (6, -12), (-6, 5), (-6, -12), (6, 16), (6, -23), (-6, 16), (-6, -23))
"""Places of a name beside its point, in points of type, the best first."""


def draw_prediction(panels: Sequence[tuple[str, pd.DataFrame]], words: Words, *, label: str) -> Figure:
    """Draw a panel per title and frame: activation, predicted, mean, low, high, in the units of `label`."""
    with house_style():
        figure = make_sheet(max(7.0, SIDE * len(panels)), SIDE + 1.6, words.form)
        grid = figure.subplots(1, len(panels), squeeze=False)[0]
        for axes, (title, points) in zip(grid, panels, strict=True):
            _draw_panel(axes, points)
            axes.set_title(balance_text(title, 50), fontsize=10)
            axes.set_xlabel(f"predicted {label}")
        grid[0].set_ylabel(f"measured {label}")
        add_words(figure, words, [])
        solve_layout(figure)  # names are put where there is room once the scale stands
        for axes, (_, points) in zip(grid, panels, strict=True):
            _name_points(axes, points)
    return figure


def _draw_panel(axes: Axes, points: pd.DataFrame) -> None:
    for predicted, low, high in points[["predicted", "low", "high"]].to_numpy(dtype=float):
        axes.plot([predicted] * 2, [low, high], color=MUTED, linewidth=1.6, solid_capstyle="butt")
    axes.plot(points["predicted"], points["mean"], linestyle="none", marker="o", markersize=6, color=INK, zorder=3)
    axes.axline((0, 0), slope=1, color=MUTED, linewidth=1, linestyle=(0, (4, 2)), zorder=1)
    axes.axhline(0, color=INK, linewidth=0.8, zorder=1)
    axes.margins(0.12)


def _name_points(axes: Axes, points: pd.DataFrame) -> None:
    """Write each name where it lies on no point and no other name, as far as one of `OFFSETS` does."""
    scale = axes.get_figure(root=True).dpi / 72  # type: ignore[union-attr]
    xy = axes.transData.transform(points[["predicted", "mean"]].to_numpy()) / scale
    taken: list[NDArray[np.float64]] = [np.array([x - 4, y - 4, x + 4, y + 4]) for x, y in xy]
    for name, (x, y) in zip(points["activation"], xy, strict=True):
        boxes = [_box(x + dx, y + dy, len(name), dx < 0) for dx, dy in OFFSETS]
        free = [sum(_overlap(box, other) for other in taken) for box in boxes]
        best = int(np.argmin(free))
        taken.append(boxes[best])
        dx, dy = OFFSETS[best]
        axes.annotate(
            name, points.loc[points["activation"] == name, ["predicted", "mean"]].iloc[0].tolist(), (dx, dy),
            textcoords="offset points", fontsize=8.5, ha="right" if dx < 0 else "left",
        )  # fmt: skip


def _box(x: float, y: float, signs: int, left: bool) -> NDArray[np.float64]:
    width = 4.9 * signs
    return np.array([x - width if left else x, y - 2, x if left else x + width, y + 9])


def _overlap(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    sides = np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2])
    return float(np.prod(np.clip(sides, 0, None)))
