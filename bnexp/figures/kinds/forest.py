"""Paired effects as a forest: a row per contrast, its interval drawn and written, fixed learning rates below it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FixedLocator, FuncFormatter

from bnexp.figures.layout import Layout
from bnexp.figures.style import (
    INK,
    MOST_POINTS,
    MUTED,
    PAPER,
    SEEDS,
    SHADE,
    Words,
    add_words,
    house_style,
    make_sheet,
    wrap_text,
)
from bnexp.figures.text_columns import TextColumns, choose_left_texts, figure_width, make_columns
from bnexp.labels import is_accuracy, metric_label, number_text

ROW, SMALL = 0.36, 0.13
"""Heights in inches: of a contrast, and of a fixed learning rate below it, which has room to be named."""

AXES: Final = 4.6
"""Width of the axes in inches."""

NOTE: Final = 34
"""Signs in a line of a note."""

LINEAR: Final = 10
"""An effect beyond this (percentage points) makes the scale logarithmic outside ±1, for the small ones beside it."""

TICKS: Final = (-100, -30, -10, -3, -1, -0.5, 0, 0.5, 1, 3, 10, 30, 100)


@dataclass(frozen=True)
class _Row:
    """A line of the forest: its `top` in inches below the upper edge, what stands there, and the seeds behind it."""

    top: float
    label: str
    facts: dict[Any, Any]
    kind: str  # header, contrast or fixed
    seeds: tuple[float, ...] = ()


def draw_forest(
    effects: pd.DataFrame,
    fixed: pd.DataFrame,
    layout: Layout,
    words: Words,
    *,
    metric: str,
    margin: float,
    pairs: pd.DataFrame | None = None,
) -> Figure:
    """Draw the paired differences a − b of `metric`, sorted by cell, then pair, with the margin of equivalence.

    `effects` (the best lr of each level) has the columns of the layout's facets, a, b, lr_a, lr_b, n, mean, low, high,
    p_family, equivalent and note; `fixed` (may be empty) the facets, lr, a, b, mean, low and high. Means and `margin`
    are fractions, drawn in percentage points. A filled square: p is below 0.05; a diamond: equivalent; a hollow
    square: neither. `pairs`, with the facets, a, b and difference, are the seeds behind `effects`: light points on the
    interval where they are at most `MOST_POINTS`.
    """
    rows = list(_place_rows(effects, fixed, layout, pairs))
    contrasts = [row for row in rows if row.kind == "contrast"]
    scale, unit = (100.0, "percentage points") if is_accuracy(metric) else (1.0, "nats")
    names = choose_left_texts([row.label for row in contrasts], [row.label for row in rows if row.kind == "header"])
    noted = words.form.free  # there is no room for sentences in a paper's column; the tables have them
    columns = [[_HEADS[i], *(_make_cells(row.facts, scale, noted)[i] for row in contrasts)] for i in range(len(_HEADS))]
    height = rows[-1].top + ROW
    with house_style():
        figure = make_sheet(figure_width(names, columns, AXES), 2.0 + height, words.form)
        table = make_columns(figure, height, names, columns)
        table.write_titles(0.12, _HEADS)
        if any(row.facts["lr_a"] for row in contrasts):
            table.write_name(0.12, "a (its lr) − b (its lr)", 9, MUTED)
        table.axes.axvspan(-margin * scale, margin * scale, color=SHADE, linewidth=0, zorder=0)
        table.axes.axvline(0, color=INK, linewidth=1, zorder=1)
        for row in rows:
            _draw_row(table, row, scale, noted)
        _scale_differences(table.axes, rows, scale)
        table.axes.set_xlabel(f"difference in {metric_label(metric).rsplit(' (', 1)[0]} ({unit})")
        add_words(figure, words, _make_legend(rows, margin * scale, unit))
    return figure


_HEADS: Final = ("n", "mean [95 % interval]", "p (family)")


def _place_rows(
    effects: pd.DataFrame, fixed: pd.DataFrame, layout: Layout, pairs: pd.DataFrame | None
) -> Iterator[_Row]:
    top = 0.4
    behind = dict(layout.cells(pairs)) if pairs is not None and len(pairs) else {}
    below = dict(layout.cells(fixed)) if len(fixed) else {}
    for name, cell in layout.cells(effects):
        if name:
            yield _Row(top, name, {}, "header")
            top += 0.75 * ROW
        for facts in _sort_pairs(cell, layout):
            yield _Row(top, _name_pair(facts), facts, "contrast", _find_seeds(behind.get(name), facts))
            top += ROW * 0.62
            for light in _find_fixed(below.get(name), facts):
                yield _Row(top, f"lr {number_text(light['lr'])}", light, "fixed")
                top += SMALL
            top += ROW * 0.38
        top += ROW * 0.3


def _sort_pairs(cell: pd.DataFrame, layout: Layout) -> list[dict[Any, Any]]:
    return sorted(
        cell.to_dict("records"), key=lambda row: (layout.levels.index(row["b"]), layout.levels.index(row["a"]))
    )


def _find_fixed(cell: pd.DataFrame | None, facts: dict[Any, Any]) -> list[dict[Any, Any]]:
    if cell is None:
        return []
    same = (cell["a"] == facts["a"]) & (cell["b"] == facts["b"])
    rows: list[dict[Any, Any]] = cell[same].sort_values("lr").to_dict("records")
    return rows


def _find_seeds(cell: pd.DataFrame | None, facts: dict[Any, Any]) -> tuple[float, ...]:
    if cell is None:
        return ()
    differences = cell.loc[(cell["a"] == facts["a"]) & (cell["b"] == facts["b"]), "difference"]
    return tuple(differences) if 1 < len(differences) <= MOST_POINTS else ()


def _name_pair(facts: dict[Any, Any]) -> str:
    sides = (
        f"{number_text(facts[side])} ({facts[f'lr_{side}']})" if facts[f"lr_{side}"] else number_text(facts[side])
        for side in "ab"
    )
    return " − ".join(sides)


def _draw_row(table: TextColumns, row: _Row, scale: float, noted: bool) -> None:
    if row.kind == "header":
        table.write_head(row.top, row.label)
        return
    mean, low, high = (scale * row.facts[name] for name in ("mean", "low", "high"))
    if row.kind == "fixed":
        table.axes.plot([low, high], [row.top] * 2, color=MUTED, linewidth=0.8, alpha=0.7)
        table.axes.plot(mean, row.top, marker="o", markersize=2.6, color=MUTED, linestyle="none")
        table.write_name(row.top, row.label, 6.5, MUTED)
        return
    marker, face = _MARKS[_name_verdict(row.facts)]
    table.axes.plot([low, high], [row.top] * 2, color=INK, linewidth=2.2, solid_capstyle="butt")
    mark: dict[str, Any] = {"marker": marker, "markersize": 7.5, "color": INK, "markerfacecolor": face}
    table.axes.plot(mean, row.top, linestyle="none", zorder=3, **mark)
    if row.seeds:
        table.axes.plot([scale * seed for seed in row.seeds], [row.top] * len(row.seeds), **SEEDS, color=MUTED)
    table.write_name(row.top, row.label)
    table.write_cells(row.top, _make_cells(row.facts, scale, noted))


def _name_verdict(facts: dict[Any, Any]) -> str:
    if facts["p_family"] < 0.05:
        return "difference, p < 0.05"
    return "equivalent" if facts["equivalent"] else "undecided"


_MARKS: Final[dict[str, tuple[str, str]]] = {
    "difference, p < 0.05": ("s", INK),
    "equivalent": ("D", PAPER),
    "undecided": ("s", PAPER),
}


def _make_cells(facts: dict[Any, Any], scale: float, noted: bool) -> tuple[str, str, str]:
    """Return n, the mean with its interval, and p, or the words that stand for a p that cannot be claimed."""
    mean, low, high = (scale * facts[name] for name in ("mean", "low", "high"))
    size = f"{mean:+.2f}" if np.isfinite(mean) else "–"
    interval = f" [{low:+.2f}, {high:+.2f}]" if np.isfinite(low) else ""
    p = facts["p_family"]
    words = f"{p:.3f}" if p >= 1e-3 else "< 0.001"
    return (
        f"{facts['n']:g}",
        f"{size}{interval}".replace("-", "−"),
        words if np.isfinite(p) else wrap_text(facts["note"], NOTE) if noted else "–",
    )


def _scale_differences(axes: Axes, rows: list[_Row], scale: float) -> None:
    drawn = [(*row.seeds, *(row.facts[name] for name in ("mean", "low", "high"))) for row in rows if row.facts]
    ends = np.array([end for row in drawn for end in row], dtype=float) * scale
    low, high = np.nanmin(ends, initial=-0.1), np.nanmax(ends, initial=0.1)
    if max(-low, high) <= LINEAR:
        room = 0.06 * (high - low)
        axes.set_xlim(low - room, high + room)
        return
    axes.set_xscale("symlog", linthresh=1, linscale=1)
    axes.set_xlim(min(low * 1.3, -0.5), max(high * 1.3, 0.5))
    axes.xaxis.set_major_locator(FixedLocator(TICKS[::2] if low < -LINEAR and high > LINEAR else TICKS))
    axes.xaxis.set_minor_locator(FixedLocator([]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:+g}".replace("-", "−") if value else "0"))


def _make_legend(rows: list[_Row], margin: float, unit: str) -> list[Any]:
    verdicts = {_name_verdict(row.facts) for row in rows if row.kind == "contrast"}
    handles: list[Any] = [
        Line2D([], [], color=INK, marker=marker, markerfacecolor=face, linewidth=2.2, markersize=7.5, label=verdict)
        for verdict, (marker, face) in _MARKS.items()
        if verdict in verdicts
    ]
    if any(row.seeds for row in rows):
        handles.append(Line2D([], [], **SEEDS, color=MUTED))
    if any(row.kind == "fixed" for row in rows):
        handles.append(Line2D([], [], color=MUTED, marker="o", markersize=2.6, linewidth=0.8, label="fixed lr"))
    return [*handles, Patch(color=SHADE, label=f"margin ±{margin:g} {unit}")]
