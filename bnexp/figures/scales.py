"""The scales: accuracies by the logarithm of the error rate, losses, and places for the values of any axis.

By the logarithm of the error rate, from 98 to 99 % is as far as from 80 to 90 %, and an arm at chance fits beside both.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any, Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, MaxNLocator, NullFormatter, NullLocator
from numpy.typing import NDArray

from bnexp.labels import is_accuracy, metric_label, number_text, sort_values

FACTOR: Final = 20
"""A loss that spans more than this factor is drawn on a logarithmic scale."""

SIGN: Final = 0.085
"""Width of a sign below an axis in inches."""

PERFECT: Final = 1e-3
"""Added to the error rate before its logarithm is taken, so that an accuracy of 1 has a place."""

TICKS: Final = (
    (0.1, 0.5, 0.8, 0.9, 0.95, 0.97, 0.98, 0.99, 0.995, 0.998),
    (0.1, 0.3, 0.5, 0.7, 0.8, 0.85, 0.9, 0.93, 0.95, 0.96, 0.97, 0.975, 0.98, 0.985, 0.99, 0.993, 0.995, 0.997, 0.999),
)
"""Accuracies to be written at the axis: the first row of which four are in sight."""


def closeness(accuracy: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how near `accuracy` is to 1: minus the logarithm of the error rate."""
    return -np.log10(np.maximum(1 - accuracy, 0) + PERFECT)


def accuracy(closeness: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the accuracy that has this `closeness`."""
    return np.asarray(1 + PERFECT - 10**-closeness)


def scale_accuracies(panels: Iterable[Axes], low: float, high: float) -> None:
    """Give all `panels` one scale for accuracies, with room for `low` to `high`."""
    bottom, top = closeness(np.clip(np.array([low, high]), 0, 1))
    margin = 0.06 * (top - bottom) + 0.01
    least, most = accuracy(np.array([bottom - margin, top + margin]))
    for axes in panels:
        axes.set_yscale("function", functions=(closeness, accuracy))
        axes.set_ylim(least, most)
        axes.yaxis.set_major_locator(choose_ticks(least, most))
        axes.yaxis.set_minor_locator(NullLocator())
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: percent_text(value)))


def scale_losses(panels: Iterable[Axes], low: float, high: float) -> None:
    """Give all `panels` one scale for losses, `low` to `high` (> 0), logarithmic if they span much."""
    for axes in panels:
        if high > FACTOR * low:
            axes.set_yscale("log", nonpositive="clip")
            axes.set_ylim(low / 1.2, high * 1.2)
            axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
            axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if high < 100 * low else (1.0,)))
            axes.yaxis.set_minor_formatter(NullFormatter())
        else:
            axes.set_ylim(0, high * 1.05)


def scale_metric(panels: Sequence[Axes], metric: str, values: NDArray[np.float64]) -> None:
    """Give all `panels` the scale of `metric`, with room for `values`; missing and infinite ones need none."""
    finite = values[np.isfinite(values)]
    low, high = (finite.min(), finite.max()) if len(finite) else (0.0, 1.0)
    if is_accuracy(metric):
        scale_accuracies(panels, low, high)
    else:
        positive = finite[finite > 0]
        scale_losses(panels, positive.min() if len(positive) else 1.0, high if high > 0 else 1.0)


def scale_label(metric: str) -> str:
    """Return the name of `metric` beside such a scale: that of an accuracy has no unit, its ticks are in percent."""
    return metric_label(metric).replace(" (%)", "\n(error on a log scale)")


def choose_ticks(low: float, high: float) -> FixedLocator | MaxNLocator:
    """Return the accuracies to be written on a scale from `low` to `high`."""
    row = next((row for row in TICKS if sum(low <= tick <= high for tick in row) >= 4), None)
    return FixedLocator(row) if row else MaxNLocator(6)


def percent_text(accuracy: float) -> str:
    """Return `accuracy` (a fraction) in percent, at most four digits."""
    return f"{100 * accuracy:.4g} %"


@dataclass(frozen=True)
class Places:
    """Where the values of an axis stand: `positions` has that of each; neighbours are at least 1 apart."""

    axis: str
    positions: dict[Any, float]

    @property
    def ends(self) -> tuple[float, float]:
        """The ends of a level line, which stands for all values: beyond the first and the last position."""
        return min(self.positions.values()) - 0.5, max(self.positions.values()) + 0.5

    def write_values(self, axes: Axes, label: str, inches: float) -> None:
        """Write the values below `axes`, aslant where they would touch each other on `inches` of width."""
        places = list(self.positions.values())
        low, high = min(places), max(places)
        axes.set_xlim(low - 0.6, high + 0.6)
        write_ticks(axes, places, self.texts, inches / (high - low + 1.2))
        axes.set_xlabel(label)

    def measure_height(self, inches: float) -> float:
        """Return how many inches the values need below axes of this width, beside what a line of text needs."""
        places = list(self.positions.values())
        return measure_texts(self.texts, inches / (max(places) - min(places) + 1.2))

    @property
    def texts(self) -> list[str]:
        """The values as they are written."""
        return [number_text(value) for value in self.positions]


def place_values(axis: str, values: Iterable[Any]) -> Places:
    """Return where `values` stand: evenly spaced words; numbers by their logarithm if they are roughly geometric."""
    known = sort_values(axis, values)
    if not all(isinstance(value, Real) for value in known):
        return Places(axis, {value: float(place) for place, value in enumerate(known)})
    scaled = [math.log(value) for value in known] if is_geometric(known) else [float(value) for value in known]
    step = min(np.diff(scaled), default=1.0)
    return Places(axis, {value: (place - scaled[0]) / step for value, place in zip(known, scaled, strict=True)})


def write_ticks(axes: Axes, places: Sequence[float], texts: Sequence[str], room: float) -> None:
    """Write `texts` below `axes`, each of which has so many inches of `room`, aslant where they would touch."""
    axes.xaxis.set_major_locator(FixedLocator(list(places)))
    axes.set_xticks(list(places), list(texts))
    turn = choose_turn(texts, room)
    axes.tick_params(axis="x", labelsize=9, labelrotation=turn)
    if turn == 45:  # the end of a word stands below its mark, not its middle below the mark of a neighbour
        for label in axes.get_xticklabels():
            label.set(ha="right", rotation_mode="anchor")


def measure_texts(texts: Sequence[str], room: float) -> float:
    """Return how many inches `texts` need below axes, beside what a line of text needs, if they have to be turned."""
    turned = math.sin(math.radians(choose_turn(texts, room)))
    return max(0.0, max(map(len, texts), default=0) * SIGN * turned - 0.3)


def choose_turn(texts: Sequence[str], room: float) -> int:
    """Return by how many degrees `texts` are turned that have so many inches of `room` each."""
    touching = max(map(len, texts), default=0) * SIGN > room
    return 90 if touching and room < 0.19 else 45 if touching else 0


def is_geometric(values: Sequence[float]) -> bool:
    """Say whether `values`, which rise, are spaced more evenly by their logarithms than as they are."""
    if min(values) <= 0 or len(values) < 3:
        return min(values) > 0 and values[-1] > 2 * values[0]
    steps, ratios = np.diff(values), np.diff(np.log(values))
    return bool(ratios.std() / ratios.mean() < steps.std() / steps.mean())
