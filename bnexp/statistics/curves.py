"""Training curves over seeds: diverged runs are followed to the end, so that they stay in every mean."""

import math
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bnexp.labels import is_accuracy
from bnexp.statistics.arms import ScoredRuns, average_groups, axes
from bnexp.statistics.cells import sort_rows
from bnexp.store.schemas import METRICS

POINTS: Final = 50
"""Points of a training curve: more show the noise of single batches, which hides what is compared."""


def complete_curves(points: pd.DataFrame, runs: ScoredRuns) -> pd.DataFrame:
    """Return the curves `points` of `runs`, diverged ones followed to their last step.

    Columns: run, seed, `axes(runs)`, step and `METRICS`. From its divergence on a run has chance accuracy and its own
    loss at initialization (its validation loss at step 0; the loss of a uniform guess, ln classes, if that is not
    finite). Training losses and accuracies, means over the batches since the point before, are taken together to at
    most `POINTS` points of a run. What was not evaluated stays missing.
    """
    by = axes(runs)
    rows = runs.assign(arm=runs.groupby(by, dropna=False).ngroup())
    # The row of a run is found once and then stands for it: a merge by id takes thrice as long (2 million points).
    known = pd.Index(rows["run"]).get_indexer(points["run"])
    points = points.loc[known >= 0, ["step", *METRICS]].assign(row=known[known >= 0])
    points["arm"] = rows["arm"].to_numpy()[points["row"]]
    lost = rows[rows["status"] == "diverged"].rename_axis("row").reset_index()
    if len(lost):
        points = pd.concat([points[~points["row"].isin(lost["row"])], _follow_to_end(points, lost)], ignore_index=True)
    points = _gather_training(points, rows["steps"].to_numpy()[points["row"]])
    facts = rows[["run", "seed", *by]].take(points["row"].to_numpy()).reset_index(drop=True)
    return pd.concat([facts, points[["step", *METRICS]]], axis=1)


def losses_at_start(rows: pd.DataFrame, points: pd.DataFrame) -> "pd.Series[float]":
    """Return the loss at initialization of each run of `rows`: its validation loss at step 0 in the curves `points`.

    The loss of a uniform guess, ln classes, where that is missing or not finite.
    """
    first = points[points["step"] == 0].drop_duplicates("run").set_index("run")["validation_loss"]
    losses = rows["run"].map(first.replace([np.inf, -np.inf], np.nan)).astype(float)
    return losses.where(losses.notna(), rows["classes"].astype(float).map(math.log))


def fill_losses(runs: ScoredRuns, points: pd.DataFrame) -> ScoredRuns:
    """Return `runs` with all losses of the diverged ones at their loss at initialization, so that they can count."""
    start = losses_at_start(runs, points)
    losses = {name: runs[name].mask(runs["diverged"], start) for name in METRICS if not is_accuracy(name)}
    return ScoredRuns(runs.assign(**losses))


def _follow_to_end(points: pd.DataFrame, lost: pd.DataFrame) -> pd.DataFrame:
    """Return the curves of the diverged runs `lost` on every step of their arm, with nothing missing after divergence.

    The curves of a pack end where all of its lanes have diverged, those of the same arm in another pack may not.
    """
    evaluations = np.ceil(lost["steps"] / lost["evaluate"]).astype(int) + 1
    due = lost.loc[lost.index.repeat(evaluations)]
    due = due.assign(step=np.minimum(due.groupby("row").cumcount() * due["evaluate"], due["steps"]))
    steps = pd.concat([points[["arm", "step"]], due[["arm", "step"]]]).drop_duplicates()
    rows = (
        lost[["row", "arm", "chance", "steps", "evaluate"]]
        .merge(steps, on="arm")
        .merge(points, on=["row", "arm", "step"], how="left")
    )
    rows[list(METRICS)] = rows[list(METRICS)].replace([np.inf, -np.inf], np.nan)
    start = rows[rows["step"] == 0].set_index("row")["validation_loss"]
    loss = rows["row"].map(start).fillna(-np.log(rows["chance"]))
    evaluated = (rows["step"] % rows["evaluate"] == 0) | (rows["step"] == rows["steps"])
    for metric in METRICS:
        expected = (rows["step"] > 0) & (evaluated | metric.startswith("train"))
        count = rows["chance"] if is_accuracy(metric) else loss
        rows[metric] = rows[metric].mask(expected & rows[metric].isna(), count)
    return rows[points.columns]


def _gather_training(points: pd.DataFrame, steps: NDArray[np.int64]) -> pd.DataFrame:
    """Return `points` with one training value in each of `POINTS` equal parts of the training, at its last point.

    A value is a mean over the steps since the point before it, so their mean, weighted by steps, is one over the part.
    """
    order = np.lexsort((points["step"], points["row"]))
    points = points.take(order).reset_index(drop=True)
    row, step = points["row"].to_numpy(), points["step"].to_numpy()
    part = np.ceil(step * POINTS / steps[order])
    first = np.diff(row, prepend=-1) != 0
    weight = np.where(first, step, np.diff(step, prepend=0))
    starts = np.flatnonzero(first | (np.diff(part, prepend=-1) != 0))
    ends = np.append(starts[1:], len(points)) - 1
    for metric in ("train_loss", "train_accuracy"):
        value = points[metric].to_numpy(dtype=float)
        weights = np.add.reduceat(np.where(np.isnan(value), 0, weight), starts)
        sums = np.add.reduceat(np.nan_to_num(value) * weight, starts)
        gathered = np.full(len(points), np.nan)
        gathered[ends[weights > 0]] = sums[weights > 0] / weights[weights > 0]
        points[metric] = gathered
    return points


def average_curves(seeds: pd.DataFrame, runs: ScoredRuns) -> pd.DataFrame:
    """Return the mean of the curves `seeds`, which `complete_curves` gave, over the seeds that have a value there.

    A row per arm, step and metric. Columns: those of `axes(runs)`, `step`, `metric` (of `METRICS`), `mean`, `low` and
    `high` (the interval; missing for one seed) and `n`.
    """
    by = [*axes(runs), "step"]
    return sort_rows(average_groups(seeds, by, METRICS, "metric"), ["metric", *by])
