"""Heat maps: what training ends at for each level and value of another axis, as colours and as numbers."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import matplotlib
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import FuncNorm, Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle
from matplotlib.ticker import FuncFormatter

from bnexp.figures.layout import Layout, add_panels, has_choice, label_first, wrap_titles
from bnexp.figures.scales import accuracy, choose_ticks, closeness, measure_texts, percent_text, write_ticks
from bnexp.figures.style import INK, Words, add_words, house_style, luminance, make_sheet
from bnexp.labels import axis_label, is_accuracy, metric_label, number_text, sort_values

WIDTH: Final = 15
"""Inches that panels may take side by side."""

BESIDE: Final = 2.6
"""Inches beside the panels: the names of the rows, and the bar of colours."""

CELL: Final = 0.62
"""Width and height of a cell in inches; two lines of text fit in."""

FITTING, FITTING_IN_PAPER = 10, 8
"""Signs that fit into the width of a cell; in a paper, type does not shrink as much as the cell."""

BAR: Final = 5
"""Height in inches that the bar of colours does not exceed by much."""

ON_LIGHT, ON_DARK = "#0A0A0A", "#FEFEFE"
"""Text on a cell, whichever stands out."""


@dataclass(frozen=True)
class _Cell:
    """A coloured place: its `column` (value of x), its `row` (level), and the `facts` of its arm."""

    column: int
    row: int
    facts: dict[Any, Any]


def draw_heat_map(finals: pd.DataFrame, layout: Layout, words: Words, *, x: str, metric: str) -> Figure:
    """Draw `metric` at the end for each level (row) and value of `x` (column): a panel per cell, one scale of colours.

    `finals` as `finals.draw_finals` takes it. A cell says its mean and, if any did, how many runs diverged or are
    stuck; the best of several is outlined.
    """
    cells, values = layout.cells(finals), sort_values(x, finals[x].dropna())
    inches = 0.4 + CELL * len(values)
    columns = words.form.choose_columns(len(cells), max(1, int(WIDTH / inches)), inches, BESIDE)
    blocks = -(-len(cells) // columns)
    low, high = float(finals["mean"].min()), float(finals["mean"].max())
    colours = ScalarMappable(_choose_norm(low, high, metric), matplotlib.colormaps["viridis"])
    outlined = has_choice(finals)
    with house_style():
        titles, more = wrap_titles([name for name, _ in cells], inches)
        below = measure_texts([number_text(value) for value in values], CELL)
        height = 1.7 + blocks * (0.75 + more + below + CELL * len(layout.levels))
        figure = make_sheet(BESIDE + inches * columns, height, words.form)
        tops = [stack[0] for stack in add_panels(figure, len(cells), columns, (1,))]
        for (_, cell), title, axes in zip(cells, titles, tops, strict=True):
            _prepare_axes(axes, x, values, layout)
            axes.set_title(title)
            for place in _place_cells(cell, x, values, layout):
                text = _cell_text(place.facts, metric, FITTING if words.form.free else FITTING_IN_PAPER)
                _draw_cell(axes, place, colours.to_rgba(place.facts["mean"]), text)
                if outlined and place.facts["best"]:
                    _outline_cell(axes, place)
        label_first(tops, columns, axis_label(layout.compared))
        tall = 0.6 * figure.get_figheight()
        shape: dict[str, Any] = {"pad": 0.02, "shrink": min(1, BAR / tall), "aspect": 16 if tall < BAR else 30}
        bar = figure.colorbar(colours, ax=tops, label=metric_label(metric).removesuffix(" (%)"), **shape)
        bar.outline.set_visible(False)
        if is_accuracy(metric):
            bar.ax.yaxis.set_major_locator(choose_ticks(low, high))
            bar.ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: percent_text(value)))
        handles = [Patch(facecolor="none", edgecolor=INK, linewidth=2.6, label="best on validation")]
        add_words(figure, words, handles if outlined else [])
    return figure


def _prepare_axes(axes: Axes, x: str, values: list[Any], layout: Layout) -> None:
    axes.set_xlim(-0.5, len(values) - 0.5)
    axes.set_ylim(len(layout.levels) - 0.5, -0.5)
    write_ticks(axes, range(len(values)), [number_text(value) for value in values], CELL)
    axes.set_yticks(range(len(layout.levels)), [number_text(level) for level in layout.levels])
    axes.set_xlabel(axis_label(x))
    axes.grid(visible=False)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)


def _place_cells(cell: pd.DataFrame, x: str, values: list[Any], layout: Layout) -> Iterator[_Cell]:
    """Yield the places of a panel; a level in which `x` cannot act is the same in all columns."""
    for level, _, rows in layout.arms(cell):
        for facts in rows.to_dict("records"):
            columns = range(len(values)) if pd.isna(facts[x]) else [values.index(facts[x])]
            yield from (_Cell(column, layout.levels.index(level), facts) for column in columns)


def _draw_cell(axes: Axes, cell: _Cell, colour: Any, text: str) -> None:
    axes.add_patch(Rectangle((cell.column - 0.48, cell.row - 0.47), 0.96, 0.94, facecolor=colour, linewidth=0))
    ink = ON_LIGHT if luminance(colour[:3]) > 0.18 else ON_DARK
    axes.text(cell.column, cell.row, text, ha="center", va="center", size=8, color=ink)


def _outline_cell(axes: Axes, cell: _Cell) -> None:
    corner = cell.column - 0.48, cell.row - 0.47
    axes.add_patch(Rectangle(corner, 0.96, 0.94, fill=False, edgecolor=INK, linewidth=2.6))


def _cell_text(facts: dict[Any, Any], metric: str, fitting: int) -> str:
    mean = facts["mean"]
    number = f"{100 * mean:.2f}" if is_accuracy(metric) else f"{mean:.3g}"
    wrong = [f"{facts[name]:g}/{facts['n']:g} {word}" for name, word in _WRONG if facts[name]]
    return "\n".join([number, *(text if len(text) <= fitting else text.replace(" ", "\n") for text in wrong)])


_WRONG: Final = (("diverged", "div."), ("stuck", "stuck"))


def _choose_norm(low: float, high: float, metric: str) -> Normalize:
    if not is_accuracy(metric):
        return Normalize(low, high)
    return FuncNorm((closeness, accuracy), vmin=low, vmax=max(high, low + 1e-4))
