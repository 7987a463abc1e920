"""The runs of a design as arrays, so that nothing is done run by run.

Letters: `K` cells, `L` levels of the compared axis, `T` values of the tuned one (one if nothing is tuned), `S` seeds.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bnexp.statistics.arms import ScoredRuns
from bnexp.statistics.cells import assign_cells, combinations
from bnexp.statistics.design import Design
from bnexp.statistics.intervals_and_tests import Floats


@dataclass(frozen=True)
class Grid:
    """`rows`, the runs that count, and where each of them stands: `row_KLTS` is its number there, −1 for no run.

    `cells` has a row per cell; `lrs` [T] are the tuned values, NaN if nothing is tuned; `seeds` [S] in order. A run in
    which a part of a cell cannot act stands in every cell that agrees with it.
    """

    design: Design
    rows: pd.DataFrame
    cells: pd.DataFrame
    lrs: Floats
    seeds: NDArray[np.int64]
    row_KLTS: NDArray[np.int64]

    @property
    def present_KLTS(self) -> NDArray[np.bool_]:
        """Where there is a run."""
        return self.row_KLTS >= 0

    @property
    def tried_KLT(self) -> NDArray[np.bool_]:
        """Which learning rates an arm tried."""
        return np.asarray(self.present_KLTS.any(axis=3))

    def column(self, name: str) -> Floats:
        """Return a column of `rows` as an array [K, L, T, S], NaN where there is no run."""
        return self.values(self.rows[name].to_numpy(dtype=float, na_value=np.nan))

    def values(self, of_rows: NDArray[Any]) -> Floats:
        """Return a value of each row as an array [K, L, T, S], NaN where there is no run."""
        return np.append(of_rows.astype(float), np.nan)[self.row_KLTS]

    def cell_rows(self, cell: NDArray[np.int64]) -> pd.DataFrame:
        """Return the rows of `cells` with these numbers."""
        return self.cells.iloc[cell].reset_index(drop=True)

    def level_values(self, level: NDArray[np.int64]) -> list[Any]:
        """Return the levels with these numbers."""
        return [self.design.levels[number] for number in level]

    def lr_of(self, level: NDArray[np.int64], lr: NDArray[np.int64]) -> Floats:
        """Return the learning rates with these numbers; if none is tuned, that of the level, NaN if it has several."""
        if self.design.tuned:
            return self.lrs[lr]
        lrs_L = self.rows.groupby(self.design.compared)["lr"].agg(["min", "max"]).reindex(self.design.levels)
        return np.where(lrs_L["min"] == lrs_L["max"], lrs_L["min"], np.nan)[level]


def build_grid(runs: ScoredRuns, design: Design) -> Grid:
    """Return the runs of `design` as a grid; runs in which the compared axis cannot act are left out."""
    rows = runs[runs[design.compared].isin(design.levels)].reset_index(drop=True)
    cells = combinations(rows, list(design.cells))
    lrs = np.unique(rows[design.tuned].to_numpy(dtype=float)) if design.tuned else np.array([np.nan])
    seeds = np.unique(rows["seed"].to_numpy(dtype=np.int64))
    pairs = assign_cells(rows, cells)
    row = pairs["row"].to_numpy()
    row_KLTS = np.full((len(cells), len(design.levels), len(lrs), len(seeds)), -1, dtype=np.int64)
    row_KLTS[
        pairs["cell"].to_numpy(),
        pd.Index(design.levels).get_indexer(rows[design.compared])[row],
        np.searchsorted(lrs, rows[design.tuned].to_numpy(dtype=float))[row] if design.tuned else 0,
        np.searchsorted(seeds, rows["seed"].to_numpy())[row],
    ] = row
    return Grid(design, rows, cells, lrs, seeds, row_KLTS)
