"""The single seeds behind the estimates: what means and intervals are taken of.

Letters: `K` cells, `L` levels, `T` learning rates, `P` pairs of levels in which a is the later one, `S` seeds.
"""

import numpy as np
import pandas as pd

from bnexp.statistics.grid import Grid
from bnexp.statistics.selection import choose_cross_fitted


def list_pairs(grid: Grid, metric: str = "test_accuracy") -> pd.DataFrame:
    """Return a row per contrast and seed that both arms have: what `comparisons.compare_at_best` takes means of.

    Columns: `design.cells`, `a`, `b`, `seed`, `value_a`, `value_b` (of `metric`), `lr_a`, `lr_b`, `difference`.
    """
    choice = choose_cross_fitted(grid)
    value_KLS, lr_KLS = choice.take(grid.column(metric)), choice.take(grid.column("lr"))
    b_P, a_P = np.triu_indices(len(grid.design.levels), 1)
    difference_KPS = value_KLS[:, a_P] - value_KLS[:, b_P]
    k, pair, seed = np.nonzero(~np.isnan(difference_KPS))
    a, b = a_P[pair], b_P[pair]
    return grid.cell_rows(k).assign(
        a=grid.level_values(a),
        b=grid.level_values(b),
        seed=grid.seeds[seed],
        value_a=value_KLS[k, a, seed],
        value_b=value_KLS[k, b, seed],
        lr_a=lr_KLS[k, a, seed],
        lr_b=lr_KLS[k, b, seed],
        difference=difference_KPS[k, pair, seed],
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
