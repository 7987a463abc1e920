"""Training curves that a symmetry says are one: two lines on each other, or apart."""

from typing import Any, Final

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from bnexp.figures.layout import Layout
from bnexp.figures.small_multiples import Row, Scale, find_lowest, make_panels, number_steps
from bnexp.figures.style import INK, Look, Words, house_style

COLUMNS: Final = 3
"""Panels side by side."""

HUGE: Final = 1000
"""Nats above which a difference is that of a training that diverges, whose size says nothing."""


def draw_symmetry(points: pd.DataFrame, differences: pd.DataFrame, layout: Layout, words: Words) -> Figure:
    """Draw the training losses of nets that a symmetry says are one: a panel per cell, a line per level.

    `points` are curves of single runs (columns: the layout's, run, seed, step, train_loss), `differences` has a row per
    cell with the greatest difference (nats), which each panel names; a cell without one is left out. Drawn is the
    smallest seed; the first level is a broad line, which one of another level that lies on it does not hide.
    """
    reference = points[layout.compared] == layout.levels[0]
    curves = points.assign(mean=points["train_loss"].where(reference))  # what diverges does not decide the scale
    difference_of = {name: float(row["difference"].iloc[0]) for name, row in layout.cells(differences)}
    cells = [cell for cell in layout.cells(curves.dropna(subset="train_loss")) if cell[0] in difference_of]
    scale = Scale("training loss (nats)", "linear")
    rows = [Row(scale, cells[i : i + COLUMNS], cells) for i in range(0, len(cells), COLUMNS)]
    styles = {level: _choose_style(place, look) for place, (level, look) in enumerate(layout.looks.items())}
    handles = [Line2D([], [], label=layout.looks[level].text, **style) for level, style in styles.items()]
    with house_style():
        figure, grid = make_panels(rows, words, handles)
        for (name, cell), axes in zip(cells, (axes for panels in grid for axes in panels), strict=True):
            for level, style in styles.items():
                run = cell[(cell[layout.compared] == level) & (cell["seed"] == cell["seed"].min())]
                axes.plot(run["step"], run["train_loss"], label=str(level), **style)
            axes.set_title(f"{name}\n{_difference_text(difference_of[name])}", fontsize=10)
            number_steps(axes)
        for axes in find_lowest(grid):
            axes.set_xlabel("optimizer steps")
    return figure


def _difference_text(difference: float) -> str:
    exact = "0, to the last bit" if difference == 0 else f"{difference:.1g} nats"
    return f"largest difference {exact if difference < HUGE else f'over {HUGE:,} nats'}"


def _choose_style(place: int, look: Look) -> dict[str, Any]:
    if place == 0:
        return {"color": look.colour, "linewidth": 6, "alpha": 0.35, "solid_capstyle": "butt"}
    return {"color": INK, "linewidth": 1.3, "linestyle": (0, (4 + place, 2))}
