"""The numbers behind a report as frames for other programs: a row per run, and a row per pair of runs.

Letters: `C` contrasts of two levels, `S` seeds.
"""

import numpy as np
import pandas as pd

from bnexp.report.estimates import METRIC
from bnexp.report.evidence import Evidence
from bnexp.statistics.design import Design
from bnexp.statistics.grid import build_grid
from bnexp.statistics.pairs import pair_arms, pair_curves


def list_runs(evidence: Evidence) -> pd.DataFrame:
    """Return a row per run, failed ones included, with the columns of the store; `hidden` is a text such as 100-100."""
    hidden = evidence.rows["hidden"].map(lambda widths: "-".join(map(str, widths)))
    return evidence.rows.assign(hidden=hidden)


def list_pairs(evidence: Evidence, design: Design) -> pd.DataFrame:
    """Return a row per contrast and seed that both arms have: what `comparisons.compare_at_best` takes means of.

    Columns: `design.cells`, `a`, `b`, `seed`, `value_a`, `value_b` (test accuracies), `lr_a`, `lr_b`, `difference`,
    and `trained`, whether both runs did: only then the difference is in the mean.
    """
    grid = build_grid(evidence.runs, design)
    pairs = pair_arms(grid)
    curves = pair_curves(grid, pairs, grid.column(METRIC))
    choice = curves.choose()
    value_C2S, lr_C2S, failed_C2S = (
        choice.take(values)
        for values in (curves.outcome_C2TS, pairs.arms(grid.column("lr")), curves.failed_C2TS.astype(float))
    )
    contrast, seed = np.nonzero(curves.compared_CS)
    return (
        pairs.labels(grid)
        .drop(columns="lr")
        .iloc[contrast]
        .reset_index(drop=True)
        .assign(
            seed=grid.seeds[seed],
            value_a=value_C2S[contrast, 0, seed],
            value_b=value_C2S[contrast, 1, seed],
            lr_a=lr_C2S[contrast, 0, seed],
            lr_b=lr_C2S[contrast, 1, seed],
            difference=value_C2S[contrast, 0, seed] - value_C2S[contrast, 1, seed],
            trained=(failed_C2S[contrast, :, seed] != 1).all(axis=1),
        )
    )
