"""The single seeds behind the estimates: what means and intervals are taken of.

Letters: `K` cells, `L` levels, `T` learning rates, `S` seeds; `C` contrasts of two levels, in which a is the later.
"""

import numpy as np
import pandas as pd

from bnexp.statistics.grid import Grid
from bnexp.statistics.pairs import pair_arms, pair_curves


def list_pairs(grid: Grid, metric: str = "test_accuracy") -> pd.DataFrame:
    """Return a row per contrast and seed that both arms have: what `comparisons.compare_at_best` takes means of.

    Columns: `design.cells`, `a`, `b`, `seed`, `value_a`, `value_b` (of `metric`), `lr_a`, `lr_b`, `difference`, and
    `trained`, whether both runs did: only then the difference is in the mean.
    """
    pairs = pair_arms(grid)
    curves = pair_curves(grid, pairs, grid.column(metric))
    choice = curves.choose()
    value_C2S, lr_C2S, failed_C2S = (
        choice.take(values)
        for values in (curves.outcome_C2TS, pairs.arms(grid.column("lr")), curves.failed_C2TS.astype(float))
    )
    c, seed = np.nonzero(curves.compared_CS)
    labels = pairs.labels(grid).drop(columns="lr").iloc[c].reset_index(drop=True)
    return labels.assign(
        seed=grid.seeds[seed],
        value_a=value_C2S[c, 0, seed],
        value_b=value_C2S[c, 1, seed],
        lr_a=lr_C2S[c, 0, seed],
        lr_b=lr_C2S[c, 1, seed],
        difference=value_C2S[c, 0, seed] - value_C2S[c, 1, seed],
        trained=(failed_C2S[c, :, seed] != 1).all(axis=1),
    )


def list_finals(grid: Grid, metric: str = "test_accuracy") -> pd.DataFrame:
    """Return a row per cell, level, learning rate and seed: what `comparisons.average_finals` takes means of.

    Columns: `design.cells`, `level`, `lr`, `seed`, `value` (of `metric` at the end).
    """
    value_KLTS = grid.column(metric)
    k, level, t, seed = np.nonzero(~np.isnan(value_KLTS))
    return grid.cell_rows(k).assign(
        level=grid.level_values(level),
        lr=grid.lr_of(level, t),
        seed=grid.seeds[seed],
        value=value_KLTS[k, level, t, seed],
    )
