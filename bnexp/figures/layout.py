"""From a frame to panels: which rows stand in which panel, where the panels stand, and labels that do not overlap.

A cell is one combination of the facets. A missing value says that this setting cannot act in the row (`none` has no
norm.eps): the row belongs to every cell that agrees with it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray
from scipy.optimize import isotonic_regression

from bnexp.figures.style import Look, balance_text, choose_looks
from bnexp.labels import value_label
from bnexp.statistics.cells import combinations, rows_of

WIDEST: Final = 5
"""Most panels side by side, before the next ones start new rows."""


TITLE, LINE = 8.5, 0.2
"""Signs of a panel's title in an inch of it, and the height of one more line of it in inches."""


@dataclass(frozen=True)
class Layout:
    """What a figure compares, by which `levels` (in order), and by which columns, its `facets`, it has panels."""

    compared: str
    levels: tuple[Any, ...]
    facets: tuple[str, ...] = ()

    @property
    def looks(self) -> dict[Any, Look]:
        """How each level is drawn."""
        return choose_looks(self.compared, self.levels)

    def cells(self, frame: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
        """Return the title and the rows of each cell of `frame`, in order; one without a title if nothing varies."""
        if not self.facets:
            return [("", frame)]
        cells = combinations(frame, list(self.facets)).to_dict("records")
        acting = [{str(name): value for name, value in cell.items() if pd.notna(value)} for cell in cells]
        return [(", ".join(value_label(*item) for item in cell.items()), rows_of(frame, cell)) for cell in acting]

    def arms(self, cell: pd.DataFrame) -> list[tuple[Any, Look, pd.DataFrame]]:
        """Return each level that `cell` has, its look and its rows, in order."""
        column = cell[self.compared]
        arms = ((level, look, cell[column == level]) for level, look in self.looks.items())
        return [(level, look, rows) for level, look, rows in arms if len(rows)]

    def make_handles(self, frame: pd.DataFrame) -> list[Line2D]:
        """Return a handle for each level of `frame` with the number of its seeds (`n`), least and most."""
        handles = []
        for _, look, rows in self.arms(frame):
            few, many = int(rows["n"].min()), int(rows["n"].max())
            count = f"{few}" if few == many else f"{few}–{many}"
            handles.append(look.make_handle(f"{look.text}, n = {count}"))
        return handles


def has_choice(finals: pd.DataFrame) -> bool:
    """Say whether some of `finals` are the best of several; where all are, a mark would say nothing."""
    return bool(finals["best"].any() and not finals["best"].all())


def add_panels(figure: Figure, count: int, columns: int, heights: Sequence[float]) -> list[list[Axes]]:
    """Add `count` panels, `columns` side by side; each is a stack of axes with the relative `heights`."""
    rows = len(heights)
    blocks = -(-count // columns)
    grid = figure.subplots(
        rows * blocks, columns, sharex=True, squeeze=False, gridspec_kw={"height_ratios": list(heights) * blocks}
    )
    stacks = [[grid[rows * (i // columns) + row, i % columns] for row in range(rows)] for i in range(blocks * columns)]
    for axes in (axes for stack in stacks[count:] for axes in stack):
        axes.remove()
    for stack in stacks[:count]:
        stack[-1].tick_params(labelbottom=True)
    return stacks[:count]


def wrap_titles(names: Sequence[str], inches: float) -> tuple[list[str], float]:
    """Return `names` as titles of panels of this width, and how many inches their further lines are high, at most."""
    titles = [_wrap_title(name, max(8, int(TITLE * inches))) for name in names]
    return titles, LINE * max((title.count("\n") for title in titles), default=0)


def _wrap_title(name: str, width: int) -> str:
    """Return `name` in lines of at most `width` signs, which end between two settings where they can."""
    lines: list[str] = []
    for part in name.split(", "):
        joined = f"{lines[-1]}, {part}" if lines else part
        lines = (
            [*lines[:-1], joined] if len(joined) <= width else [*lines[:-1], *(f"{line}," for line in lines[-1:]), part]
        )
    return "\n".join(balance_text(line, width) for line in lines)


def label_first(axes: Sequence[Axes], columns: int, label: str) -> None:
    """Name the scale at the first of `axes` in each row, and number it nowhere else."""
    for index, panel in enumerate(axes):
        if index % columns == 0:
            panel.set_ylabel(label)
        else:
            panel.tick_params(labelleft=False)


def label_ends(axes: Axes, ends: Sequence[tuple[float, str, str]]) -> None:
    """Write a text at the right of `axes` for each of `ends` (height in data, text, colour), none on another.

    Call it when the scale and its limits stand.
    """
    known = [end for end in ends if np.isfinite(end[0])]
    heights = axes.transData.transform([(0, height) for height, _, _ in known] or np.empty((0, 2)))[:, 1]
    bottom, top = axes.transAxes.transform([(0, 0), (0, 1)])[:, 1]
    parts = np.clip((heights - bottom) / (top - bottom), 0, 1)
    line = 12 / 72 * axes.figure.dpi / (top - bottom)
    for part, place, (_, text, colour) in zip(parts, _spread(parts, line), known, strict=True):
        axes.annotate(
            text,
            xy=(1.0, float(part)),
            xytext=(1.045, place),
            xycoords="axes fraction",
            textcoords="axes fraction",
            va="center",
            size=9,
            arrowprops={"arrowstyle": "-", "color": colour, "linewidth": 1.2, "shrinkA": 0, "shrinkB": 0},
        )


def _spread(parts: NDArray[np.float64], gap: float) -> list[float]:
    """Return the places nearest to `parts` (least squares) that keep their order and are at least `gap` apart."""
    order = np.argsort(parts, kind="stable")
    steps = gap * np.arange(len(parts))
    places = np.empty(len(parts))
    if len(parts):
        places[order] = isotonic_regression(parts[order] - steps).x + steps
    return [float(place) for place in places]
