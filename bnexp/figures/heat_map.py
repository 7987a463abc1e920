"""Heat maps: what training ends at for each level and value of another axis, as colours and as numbers."""

from collections.abc import Iterator
from typing import Any, Final

import matplotlib
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import FuncNorm, Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle
from matplotlib.ticker import FuncFormatter

from bnexp.figures.layout import Layout, has_choice, label_first, panels
from bnexp.figures.scales import accuracy, closeness, percent, ticks
from bnexp.figures.style import INK, add_title_and_caption, drawing, luminance, sheet
from bnexp.labels import axis_label, is_accuracy, metric_label, number_text, sort_values

WIDTH: Final = 15
"""Inches that panels may take side by side."""

CELL: Final = 0.62
"""Width and height of a cell in inches; two lines of text fit in."""

FITTING: Final = 10
"""Signs that fit into the width of a cell."""

BAR: Final = 5
"""Height in inches that the bar of colours does not exceed by much."""

ON_LIGHT, ON_DARK = "#0A0A0A", "#FEFEFE"
"""Text on a cell: not the page's own colours, because a cell keeps its colour in the dark."""


def heat_map(finals: pd.DataFrame, x: str, layout: Layout, metric: str, title: str, caption: str) -> Figure:
    """Draw `metric` at the end for each level (row) and value of `x` (column): a panel per cell, one scale of colours.

    `finals` as `finals.final_against` takes it. A cell says its mean and, if any did, how many runs diverged or are
    stuck; the best of several is outlined.
    """
    cells, values = layout.cells(finals), sort_values(x, finals[x].dropna())
    inches = 0.4 + CELL * len(values)
    columns = max(1, min(len(cells), int(WIDTH / inches)))
    blocks = -(-len(cells) // columns)
    low, high = float(finals["mean"].min()), float(finals["mean"].max())
    mapped = ScalarMappable(_norm(low, high, metric), matplotlib.colormaps["viridis"])
    outlined = has_choice(finals)
    with drawing():
        figure = sheet(max(7.6, 2.6 + inches * columns), 1.7 + blocks * (0.75 + CELL * len(layout.levels)))
        tops = [stack[0] for stack in panels(figure, len(cells), columns, (1,))]
        for (name, cell), axes in zip(cells, tops, strict=True):
            axes.set_title(name)
            axes.set_xlim(-0.5, len(values) - 0.5)
            axes.set_ylim(len(layout.levels) - 0.5, -0.5)
            axes.set_xticks(range(len(values)), [number_text(value) for value in values], size=9)
            axes.set_yticks(range(len(layout.levels)), [number_text(level) for level in layout.levels])
            axes.set_xlabel(axis_label(x))
            axes.grid(visible=False)
            axes.tick_params(length=0)
            axes.spines[:].set_visible(False)
            for column, row, found in _found(cell, x, values, layout):
                _cell(axes, column, row, found, mapped.to_rgba(found["mean"]), metric)
                if outlined and found["best"]:
                    _frame(axes, column, row)
        label_first(tops, columns, axis_label(layout.compared))
        tall = 0.6 * figure.get_figheight()
        shape: dict[str, Any] = {"pad": 0.02, "shrink": min(1, BAR / tall), "aspect": 16 if tall < BAR else 30}
        bar = figure.colorbar(mapped, ax=tops, label=metric_label(metric).removesuffix(" (%)"), **shape)
        bar.outline.set_visible(False)
        if is_accuracy(metric):
            bar.ax.yaxis.set_major_locator(ticks(low, high))
            bar.ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: percent(value)))
        handles = [Patch(facecolor="none", edgecolor=INK, linewidth=2.6, label="best on validation")]
        add_title_and_caption(figure, handles if outlined else [], title, caption)
    return figure


def _found(cell: pd.DataFrame, x: str, values: list[Any], layout: Layout) -> Iterator[tuple[int, int, dict[Any, Any]]]:
    """Yield column, row and facts of each place; a level in which `x` cannot act is the same in all columns."""
    for level, _, rows in layout.arms(cell):
        for found in rows.to_dict("records"):
            columns = range(len(values)) if pd.isna(found[x]) else [values.index(found[x])]
            yield from ((column, layout.levels.index(level), found) for column in columns)


def _cell(axes: Axes, column: int, row: int, found: dict[Any, Any], colour: Any, metric: str) -> None:
    axes.add_patch(Rectangle((column - 0.48, row - 0.47), 0.96, 0.94, facecolor=colour, linewidth=0))
    text = ON_LIGHT if luminance(colour[:3]) > 0.18 else ON_DARK
    axes.text(column, row, _text(found, metric), ha="center", va="center", size=8, color=text)


def _frame(axes: Axes, column: int, row: int) -> None:
    axes.add_patch(Rectangle((column - 0.48, row - 0.47), 0.96, 0.94, fill=False, edgecolor=INK, linewidth=2.6))


def _text(found: dict[Any, Any], metric: str) -> str:
    mean = found["mean"]
    number = f"{100 * mean:.2f}" if is_accuracy(metric) else f"{mean:.3g}"
    words = (("diverged", "div."), ("stuck", "stuck"))
    wrong = [f"{found[name]:g}/{found['n']:g} {word}" for name, word in words if found[name]]
    return "\n".join([number, *(text if len(text) <= FITTING else text.replace(" ", "\n") for text in wrong)])


def _norm(low: float, high: float, metric: str) -> Normalize:
    if not is_accuracy(metric):
        return Normalize(low, high)
    return FuncNorm((closeness, accuracy), vmin=low, vmax=max(high, low + 1e-4))
