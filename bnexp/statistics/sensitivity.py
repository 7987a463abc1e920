"""Learning-rate sensitivity: what it costs not to know the best learning rate.

Letters: `K` cells, `L` levels, `T` learning rates, `S` seeds.
"""

import numpy as np
import pandas as pd

from bnexp.statistics.curves import losses_at_start
from bnexp.statistics.grid import Grid
from bnexp.statistics.intervals_and_tests import moments, student


def lr_sensitivity(grid: Grid, points: pd.DataFrame) -> pd.DataFrame:
    """Return a row per cell and level that tried several learning rates: the excess loss over them, in nats.

    Per seed, mean over lr of min(ℓ(lr), ℓ₀) − min over lr of ℓ(lr): ℓ the validation loss at the end, ℓ₀ that at
    initialization, which is also ℓ of a run that diverged (Wortsman et al. 2023, "Small-scale proxies for large-scale
    transformer training instabilities", eq. 1). 0 for an arm that learns nowhere: read it beside the accuracies.
    Columns: `design.cells`, `level`, `sensitivity` with `low`, `high` (Student t over seeds), `n` seeds that have all
    learning rates of their arm, `lrs`.
    """
    start_KLTS = grid.values(losses_at_start(grid.rows, points).to_numpy())
    end_KLTS = grid.column("validation_loss")
    loss_KLTS = np.where(grid.column("diverged") == 1, start_KLTS, np.fmin(end_KLTS, start_KLTS))
    complete_KLS = (grid.present_KLTS | ~grid.tried_KLT[..., None]).all(axis=2)
    lrs_KL = grid.tried_KLT.sum(axis=2)
    mean_KLS, _, _ = moments(np.moveaxis(loss_KLTS, 2, 3))
    least_KLS = np.where(np.isnan(loss_KLTS), np.inf, loss_KLTS).min(axis=2)
    mean_KL, sd_KL, n_KL = moments(np.where(complete_KLS, mean_KLS - least_KLS, np.nan))
    k, level = np.nonzero((lrs_KL > 1) & (n_KL > 0))
    mean, n = mean_KL[k, level], n_KL[k, level]
    low, high = student(mean, sd_KL[k, level], n)
    return grid.cell_rows(k).assign(
        level=grid.level_values(level), sensitivity=mean, low=low, high=high, n=n, lrs=lrs_KL[k, level]
    )
