"""Speed: how many steps an arm takes to what the reference reaches.

Letters: `K` cells, `L` levels, `S` seeds.
"""

import numpy as np
import pandas as pd

from bnexp.statistics.design import Design
from bnexp.statistics.grid import Grid, grid
from bnexp.statistics.inference import Floats, moments, restricted, student
from bnexp.statistics.selection import Integers, best


def speed(runs: pd.DataFrame, points: pd.DataFrame, design: Design) -> pd.DataFrame:
    """Return a row per cell and level at its best learning rate: steps to the reference's best validation accuracy.

    `points` are the curves as `curves.complete_curves` gives them. The reference is the first level that a cell has
    (`none` among placements), its best accuracy the highest that its mean over the seeds has at an evaluation. A run is
    there
    at its first evaluation at which it has that accuracy; one that is never, or diverges, counts with the horizon, the
    steps of the cell's shortest training. Columns: `design.cells`, `level`, `threshold` (accuracy), `mean` steps
    (`inference.restricted`) with `low`, `high` (Student t), `reached` and `n` runs, `horizon` (steps).
    """
    whole = grid(runs, design)
    row_KLS = np.take_along_axis(whole.row_KLTS, np.maximum(best(whole), 0)[:, :, None, None], axis=2)[:, :, 0]
    evaluations = _evaluations(whole, row_KLS, points)
    reference_K = (row_KLS >= 0).any(axis=2).argmax(axis=1)
    of_reference = evaluations[evaluations["level"] == reference_K[evaluations["cell"]]]
    means = of_reference.groupby(["cell", "step"])["validation_accuracy"].mean()
    threshold_K = means.groupby("cell").max().reindex(range(len(whole.cells))).to_numpy()
    horizon_K = np.fmin.reduce(whole.column("steps"), axis=(1, 2, 3))
    time_KLS = _times(
        whole, row_KLS, evaluations[evaluations["validation_accuracy"] >= threshold_K[evaluations["cell"]]]
    )
    time_KLS = np.where(time_KLS <= horizon_K[:, None, None], time_KLS, np.where(row_KLS >= 0, np.inf, np.nan))
    mean_KL, sd_KL, n_KL = moments(restricted(time_KLS, horizon_K[:, None]))
    k, level = np.nonzero(n_KL > 0)
    low, high = student(mean_KL[k, level], sd_KL[k, level], n_KL[k, level])
    return whole.labels(k).assign(
        level=whole.named(level),
        threshold=threshold_K[k],
        mean=mean_KL[k, level],
        low=low,
        high=high,
        reached=np.isfinite(time_KLS).sum(axis=2)[k, level],
        n=n_KL[k, level],
        horizon=horizon_K[k].astype(int),
    )


def _evaluations(whole: Grid, row_KLS: Integers, points: pd.DataFrame) -> pd.DataFrame:
    """Return the evaluations of the runs in `row_KLS`: `cell`, `level`, `seed` (numbers), `row`, `step`, accuracy."""
    cell, level, seed = np.nonzero(row_KLS >= 0)
    placed = pd.DataFrame({"cell": cell, "level": level, "seed": seed, "row": row_KLS[cell, level, seed]})
    evaluated = points.loc[points["validation_accuracy"].notna(), ["run", "step", "validation_accuracy"]]
    row = pd.Index(whole.rows["run"]).get_indexer(evaluated["run"])
    used = np.isin(row, placed["row"])
    return placed.merge(evaluated[used].drop(columns="run").assign(row=row[used]), on="row")


def _times(whole: Grid, row_KLS: Integers, there: pd.DataFrame) -> Floats:
    """Return the first step [K, L, S] among the evaluations `there` of runs that did not diverge, infinite for none."""
    time_KLS = np.full(row_KLS.shape, np.inf)
    there = there[~whole.rows["diverged"].to_numpy()[there["row"]]]
    first = there.groupby(["cell", "level", "seed"])["step"].min()
    cell, level, seed = (first.index.get_level_values(name) for name in ("cell", "level", "seed"))
    time_KLS[cell, level, seed] = first
    return time_KLS
