"""Speed: how many steps an arm takes to what the reference reaches.

Letters: `K` cells, `L` levels, `S` seeds.
"""

import numpy as np
import pandas as pd

from bnexp.statistics.grid import Grid
from bnexp.statistics.intervals_and_tests import Floats, moments, restrict_times, student
from bnexp.statistics.selection import Integers, choose_best


def steps_to_threshold(grid: Grid, points: pd.DataFrame) -> pd.DataFrame:
    """Return a row per cell and level at its best learning rate: steps to the reference's best validation accuracy.

    `points` are the curves as `curves.complete_curves` gives them. The reference is the first level that a cell has
    (`none` among placements), its best accuracy the highest that its mean over the seeds has at an evaluation. A run
    arrives at its first evaluation at which it has that accuracy; one that never does, or diverges, counts with the
    horizon, the steps of the cell's shortest training. Columns: `design.cells`, `level`, `threshold` (accuracy),
    `mean` steps (`intervals_and_tests.restrict_times`) with `low`, `high` (Student t), `reached` and `n` runs,
    `horizon` (steps).
    """
    row_KLS = np.take_along_axis(grid.row_KLTS, np.maximum(choose_best(grid), 0)[:, :, None, None], axis=2)[:, :, 0]
    evaluations = _find_evaluations(grid, row_KLS, points)
    reference_K = (row_KLS >= 0).any(axis=2).argmax(axis=1)
    of_reference = evaluations[evaluations["level"] == reference_K[evaluations["cell"]]]
    means = of_reference.groupby(["cell", "step"])["validation_accuracy"].mean()
    threshold_K = means.groupby("cell").max().reindex(range(len(grid.cells))).to_numpy()
    horizon_K = np.fmin.reduce(grid.column("steps"), axis=(1, 2, 3))
    time_KLS = _first_steps(
        grid, row_KLS, evaluations[evaluations["validation_accuracy"] >= threshold_K[evaluations["cell"]]]
    )
    time_KLS = np.where(time_KLS <= horizon_K[:, None, None], time_KLS, np.where(row_KLS >= 0, np.inf, np.nan))
    mean_KL, sd_KL, n_KL = moments(restrict_times(time_KLS, horizon_K[:, None]))
    k, level = np.nonzero(n_KL > 0)
    low, high = student(mean_KL[k, level], sd_KL[k, level], n_KL[k, level])
    return grid.cell_rows(k).assign(
        level=grid.level_values(level),
        threshold=threshold_K[k],
        mean=mean_KL[k, level],
        low=low,
        high=high,
        reached=np.isfinite(time_KLS).sum(axis=2)[k, level],
        n=n_KL[k, level],
        horizon=horizon_K[k].astype(int),
    )


def _find_evaluations(grid: Grid, row_KLS: Integers, points: pd.DataFrame) -> pd.DataFrame:
    """Return the evaluations of the runs in `row_KLS`: `cell`, `level`, `seed` (numbers), `row`, `step`, accuracy."""
    cell, level, seed = np.nonzero(row_KLS >= 0)
    chosen = pd.DataFrame({"cell": cell, "level": level, "seed": seed, "row": row_KLS[cell, level, seed]})
    evaluated = points.loc[points["validation_accuracy"].notna(), ["run", "step", "validation_accuracy"]]
    row = pd.Index(grid.rows["run"]).get_indexer(evaluated["run"])
    used = np.isin(row, chosen["row"])
    return chosen.merge(evaluated[used].drop(columns="run").assign(row=row[used]), on="row")


def _first_steps(grid: Grid, row_KLS: Integers, arrived: pd.DataFrame) -> Floats:
    """Return the first step [K, L, S] among the evaluations `arrived`, infinite for none and for diverged runs."""
    time_KLS = np.full(row_KLS.shape, np.inf)
    arrived = arrived[~grid.rows["diverged"].to_numpy()[arrived["row"]]]
    first = arrived.groupby(["cell", "level", "seed"])["step"].min()
    cell, level, seed = (first.index.get_level_values(name) for name in ("cell", "level", "seed"))
    time_KLS[cell, level, seed] = first
    return time_KLS
