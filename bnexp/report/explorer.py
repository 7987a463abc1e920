"""The curves of a report as data for its page: every combination of settings, one of which is drawn at a time.

Nothing is estimated here: the means and intervals of `statistics.curves` are rounded, thinned and laid out compactly.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bnexp.labels import is_accuracy
from bnexp.runs import key

MOST_POINTS: Final = 150_000
"""Points of all curves together, each three numbers, 24 characters: about 4 MB. More are thinned."""

FEWEST: Final = 12
"""Points that a curve keeps in any case."""

DIGITS: Final = 4
"""Significant digits of a loss. Accuracies keep a thousandth of a percentage point."""


@dataclass(frozen=True)
class Level:
    """A `value` of what is compared, as it is drawn: colour and dash are those of SVG (`5 1.5`, or "" for solid)."""

    value: Any
    label: str
    colour: str
    dash: str = ""

    @property
    def name(self) -> str:
        """The value as a short text."""
        return _value_text(self.value)


@dataclass(frozen=True)
class Explorer:
    """What the explorer of a page draws.

    `axes` are the names of the settings with the texts of their values, `start` the numbers of the values shown first.
    `data` is plain JSON: `steps`, a list of lists, and `series`, each `{at, level, metric, steps, mean, low, high, n}`,
    where all but the last four are numbers of list entries; `at` has one per axis, -1 where the axis cannot act.
    """

    caption: str
    levels: tuple[Level, ...]
    metrics: tuple[str, ...]
    axes: tuple[tuple[str, tuple[str, ...]], ...]
    start: tuple[int, ...]
    data: Mapping[str, Any]


def make_explorer(
    estimates: pd.DataFrame,
    compared: str,
    levels: Sequence[Level],
    axes: Sequence[str],
    *,
    start: Mapping[str, Any],
    caption: str,
) -> Explorer:
    """Lay out the rows of `statistics.curves`, whose arms `compared` and `axes` tell apart.

    `start` says which value of an axis is shown first; the first of all where it says nothing.
    """
    values = {name: _list_values(estimates[name]) for name in axes}
    metrics = tuple(map(str, estimates["metric"].unique()))
    codes = np.stack(
        [
            *(_find_codes(estimates[name], values[name]) for name in axes),
            _find_codes(estimates[compared], [level.value for level in levels]),
            _find_codes(estimates["metric"].astype(str), metrics),
        ],
        axis=1,
    )
    return Explorer(
        caption=caption,
        levels=tuple(levels),
        metrics=metrics,
        axes=tuple((key(name), tuple(map(_value_text, values[name]))) for name in axes),
        start=tuple(values[name].index(start[name]) if name in start else 0 for name in axes),
        data=_lay_out(estimates, codes),
    )


def _lay_out(estimates: pd.DataFrame, codes: NDArray[np.int64]) -> dict[str, Any]:
    """Return steps and series; `codes` has a column per axis, then level and metric."""
    step = estimates["step"].to_numpy()
    known = codes[:, -2] >= 0  # a level that is not asked for is not drawn
    order = np.lexsort([step, *codes.T[::-1]])
    order = order[known[order]]
    starts = np.flatnonzero(np.diff(codes[order], axis=0, prepend=-2).any(axis=1))
    numbers = _round_numbers(estimates)[order]
    steps: dict[tuple[int, ...], int] = {}
    series = []
    for rows in np.split(np.arange(len(order)), starts[1:]) if len(order) else []:
        kept = rows[_thin_out(len(rows), len(starts))]
        *at, level, metric = codes[order[rows[0]]].tolist()
        mean, low, high = ([None if x != x else x for x in column] for column in numbers[kept, :3].T.tolist())
        shared = steps.setdefault(tuple(step[order[kept]].tolist()), len(steps))
        fewest, most = numbers[rows, 3].min(), numbers[rows, 3].max()
        count = f"{fewest:.0f}" if fewest == most else f"{fewest:.0f}–{most:.0f}"
        series.append(
            {"at": at, "level": level, "metric": metric, "steps": shared}
            | {"mean": mean, "low": low, "high": high, "n": count}
        )
    return {"steps": [list(each) for each in steps], "series": series}


def _thin_out(points: int, curves: int) -> NDArray[np.int64]:
    """Return which of the `points` of one of `curves` curves are kept: the first, the last, and even steps between."""
    most = max(FEWEST, MOST_POINTS // curves)
    return np.unique(np.linspace(0, points - 1, min(points, most)).round().astype(np.int64))


def _round_numbers(estimates: pd.DataFrame) -> NDArray[np.float64]:
    """Return mean, low, high and n; what is not finite, and an interval that is none, as NaN."""
    numbers = estimates[["mean", "low", "high", "n"]].to_numpy(dtype=np.float64, copy=True)
    numbers[~np.isfinite(numbers)] = np.nan
    loss = ~estimates["metric"].astype(str).map(is_accuracy).to_numpy(dtype=bool)
    numbers[:, :3] = np.where(loss[:, None], _round_significant(numbers[:, :3]), numbers[:, :3].round(5))
    return numbers


def _round_significant(numbers: NDArray[np.float64]) -> NDArray[np.float64]:
    size = np.ceil(np.log10(np.where(np.abs(numbers) > 0, np.abs(numbers), 1.0)))
    power = 10.0 ** (DIGITS - size)
    return np.asarray(np.where(np.isnan(numbers), np.nan, np.round(numbers * power) / power))


def _list_values(column: pd.Series) -> list[Any]:
    """Return the values of an axis: numbers by size, words in the order in which they come."""
    values = column.dropna().unique().tolist()
    return sorted(values) if pd.api.types.is_numeric_dtype(column) else values


def _find_codes(column: pd.Series, values: Sequence[Any]) -> NDArray[np.int64]:
    """Return for each entry of `column` its number in `values`, -1 where it is missing or not among them."""
    return np.asarray(pd.Index(values).get_indexer(pd.Index(column)), dtype=np.int64)


def _value_text(value: Any) -> str:
    """Return `value` with the digits that tell neighbours apart, of which a label has no need."""
    return f"{value:.6g}" if isinstance(value, float) else str(value)
