"""What a study's question is about beside accuracy: a number per run from inside its layers, and paired differences.

Letters: `n` seeds.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd

from bnexp.statistics.cells import rows_of
from bnexp.statistics.intervals_and_tests import moments, student
from bnexp.statistics.layers import hidden_layers


@dataclass(frozen=True)
class PairedMeasure:
    """Means of a measure under a and b over their `n` shared seeds, and the mean of a − b with its 95 % interval."""

    a: float
    b: float
    mean: float
    low: float
    high: float
    n: int


def measure_saturation(rows: pd.DataFrame) -> "pd.Series[float]":
    """Return by run the share that is saturated at the end, mean over the hidden layers."""
    end = hidden_layers(rows[rows["stage"] == "end"])
    return end.groupby("run")["saturated"].mean()


def measure_drift(rows: pd.DataFrame) -> "pd.Series[float]":
    """Return by run how far the median of what unit 0 of the last hidden layer sees moves from point to point.

    The mean of |change of `unit_q50`| over the points after the first, in units of the mean of `unit_q85` − `unit_q15`.
    """
    last = rows[(rows["layer"] == rows["depth"]) & (rows["step"] > 0)].sort_values(["run", "step"])
    moved = last.groupby("run")["unit_q50"].diff().abs().groupby(last["run"]).mean()
    spread = (last["unit_q85"] - last["unit_q15"]).groupby(last["run"]).mean()
    return moved / spread.where(spread > 0)


MEASURES: Final[Mapping[str, Callable[[pd.DataFrame], "pd.Series[float]"]]] = {
    "saturated": measure_saturation,
    "drift": measure_drift,
}
"""By the names that a study calls them by; each takes rows as `layers.add_run_columns` gives them."""


def measure_runs(rows: pd.DataFrame, measure: str, columns: list[str]) -> pd.DataFrame:
    """Return a row per run that has the `measure`: `columns` of its run, `seed` and `value`."""
    runs = rows.drop_duplicates("run").set_index("run")[[*columns, "seed"]]
    return runs.assign(value=MEASURES[measure](rows)).dropna(subset="value").reset_index(drop=True)


def pair_measures(
    values: pd.DataFrame, cell: Mapping[str, Any], compared: str, a: object, b: object
) -> PairedMeasure | None:
    """Return the paired difference of two levels in a cell of `values` (of `measure_runs`), None for one seed."""
    here = rows_of(values, cell)
    sides = [here[here[compared] == level].groupby("seed")["value"].mean() for level in (a, b)]
    both = pd.concat(sides, axis=1, join="inner")
    if len(both) < 2:
        return None
    mean, sd, n = moments((both.iloc[:, 0] - both.iloc[:, 1]).to_numpy(dtype=float)[None])
    low, high = student(mean, sd, n)
    first, second = (float(np.mean(both.iloc[:, side])) for side in (0, 1))
    return PairedMeasure(first, second, float(mean[0]), float(low[0]), float(high[0]), len(both))
