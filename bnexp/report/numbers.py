"""The numbers behind a report as frames for other programs: a row per run, and a row per pair of runs.

Letters: `K` cells, `L` levels, `P` pairs of levels in which a is the later one, `S` seeds.
"""

import numpy as np
import pandas as pd

from bnexp.report.estimates import METRIC
from bnexp.report.evidence import Evidence
from bnexp.statistics.design import Design
from bnexp.statistics.grid import build_grid
from bnexp.statistics.selection import choose_cross_fitted


def list_runs(evidence: Evidence) -> pd.DataFrame:
    """Return a row per run, failed ones included, with the columns of the store; `hidden` is a text such as 100-100."""
    hidden = evidence.rows["hidden"].map(lambda widths: "-".join(map(str, widths)))
    return evidence.rows.assign(hidden=hidden)


def list_pairs(evidence: Evidence, design: Design) -> pd.DataFrame:
    """Return a row per contrast and seed that both arms have: what `comparisons.compare_at_best` takes means of.

    Columns: `design.cells`, `a`, `b`, `seed`, `value_a`, `value_b` (test accuracies), `lr_a`, `lr_b`, `difference`.
    """
    grid = build_grid(evidence.runs, design)
    choice = choose_cross_fitted(grid)
    value_KLS, lr_KLS = choice.take(grid.column(METRIC)), choice.take(grid.column("lr"))
    b_P, a_P = np.triu_indices(len(design.levels), 1)
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
