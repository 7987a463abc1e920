"""Estimates over seeds: frames in, frames out; no figure is known here.

The frames are those of the store: `runs` with a row per run, `curves` with a row per run and point. An arm is a run
without its seed; a missing value in an arm's column says that this setting cannot act in it.

Diverged runs stay in every denominator: a diverged run counts at chance accuracy, 1 / classes, and from its divergence
on at its own loss at initialization. Failed runs are missing, not data: they are left out.

Interval: mean ± t · sd / √n, where t is the (1 + LEVEL) / 2 quantile of Student's t distribution with n − 1 degrees of
freedom and sd divides by n − 1 (Student 1908, "The probable error of a mean", Biometrika 6).
"""

import dataclasses
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from bnexp.choices import is_choice
from bnexp.results import METRICS
from bnexp.runs import Run

LEVEL: Final = 0.95
"""Confidence level of every interval."""

STUCK: Final = 0.02
"""A run that ends at most this far above chance accuracy, without having diverged, is stuck."""

POINTS: Final = 50
"""Points of a training curve: more show the noise of single batches, which hides what is compared."""

ARM: Final = tuple(f.name for f in dataclasses.fields(Run) if f.name != "seed")
COMPARED: Final = ("placement", "activation")

_FOLLOWS: Final = {
    "data_train": ["data"],
    "data_validation": ["data"],
    "steps": ["data", "data_train", "batch_size"],
    "evaluate": ["data", "data_train", "batch_size", "steps"],
}
"""Settings that usually only follow from others, as the steps of ten epochs follow from the batch size."""


def counted(runs: pd.DataFrame) -> pd.DataFrame:
    """Return the runs that count, each once, in the order of `runs`: no failed ones, diverged ones at chance accuracy.

    Adds `chance` (1 / classes) and `stuck`; `hidden` becomes a text such as 100-100-100.
    """
    rows = runs[runs["status"] != "failed"].drop_duplicates("run").reset_index(drop=True)
    chance = 1 / rows["classes"].astype(float)
    diverged = rows["status"] == "diverged"
    stuck = ~diverged & (rows["validation_accuracy"] <= chance + STUCK)
    accuracies = {name: rows[name].mask(diverged, chance) for name in METRICS if name.endswith("accuracy")}
    return rows.assign(hidden=rows["hidden"].map(_widths), chance=chance, stuck=stuck, **accuracies)


def axes(runs: pd.DataFrame) -> list[str]:
    """Return the columns by which the arms of `runs` differ, in the order of `Run`, placement and activation always.

    Left out are settings that only follow from others (the steps of equal epochs differ with the batch size).
    """
    arms = counted(runs)[list(ARM)].drop_duplicates()
    return [
        name
        for name in ARM
        if name in COMPARED or (arms[name].nunique() > 1 and not _determined(arms, name, _FOLLOWS.get(name, [])))
    ]


def _determined(arms: pd.DataFrame, name: str, by: list[str]) -> bool:
    return bool(by) and bool((arms.groupby(by, dropna=False)[name].nunique() <= 1).all())


def settings(runs: pd.DataFrame) -> list[dict[str, Any]]:
    """Return what the arms are compared under: each combination of the axes but placement and activation, in order.

    One empty setting if nothing else varies. A combination that leaves out what cannot act (`none` has no norm.eps) is
    no setting of its own where a full one agrees with it: `where` puts its runs into each of those.
    """
    apart = [name for name in axes(runs) if name not in COMPARED]
    if not apart:
        return [{}]
    combinations = in_order(counted(runs)[apart].drop_duplicates(), apart)
    full = combinations[combinations.notna().all(axis=1)]
    found: list[dict[str, Any]] = []
    for values in combinations.itertuples(index=False):
        acting = {name: value for name, value in zip(apart, values, strict=True) if pd.notna(value)}
        if len(acting) == len(apart) or where(full, acting).empty:
            found.append(dict(zip(apart, values, strict=True)))
    return found


def where(frame: pd.DataFrame, setting: Mapping[str, Any]) -> pd.DataFrame:
    """Return the rows of `frame` that belong to `setting`, those in which a part of it cannot act included."""
    belongs = pd.Series(True, index=frame.index)
    for name, value in setting.items():
        belongs &= frame[name].isna() | (frame[name] == value)
    return frame[belongs]


def in_order(frame: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """Return `frame` sorted by the columns `by`: choices in the order of their enum, all else by value."""
    return frame.sort_values(by, key=_ranks, kind="stable", na_position="first", ignore_index=True)


def final(runs: pd.DataFrame) -> pd.DataFrame:
    """Return a row per arm: its settings, the accuracies at the end over its seeds, and how many runs went wrong.

    Columns: those of `ARM`; `validation_accuracy`, `test_accuracy` (means) and each with `_sd` (missing for one seed);
    `n` seeds; `diverged` and `stuck`, how many of them were so. A diverged run counts at chance accuracy.
    """
    rows = counted(runs)
    rows["diverged"] = rows["status"] == "diverged"
    arms = rows.groupby(list(ARM), dropna=False, sort=False, as_index=False).agg(
        validation_accuracy=("validation_accuracy", "mean"),
        validation_accuracy_sd=("validation_accuracy", "std"),
        test_accuracy=("test_accuracy", "mean"),
        test_accuracy_sd=("test_accuracy", "std"),
        n=("seed", "nunique"),
        diverged=("diverged", "sum"),
        stuck=("stuck", "sum"),
    )
    return in_order(arms, axes(runs))


def followed(points: pd.DataFrame, runs: pd.DataFrame) -> pd.DataFrame:
    """Return the curves `points` of the runs that count, diverged ones followed to their last step.

    Columns: run, seed, `axes(runs)`, step and `METRICS`. From its divergence on a run has chance accuracy and its own
    loss at initialization (its validation loss at step 0; the loss of a uniform guess, ln classes, if that is not
    finite). Training losses and accuracies, means over the batches since the point before, are taken together to at
    most `POINTS` points of a run. What was not evaluated stays missing.
    """
    rows = counted(runs)
    by = axes(runs)
    rows["arm"] = rows.groupby(by, dropna=False).ngroup()
    # The row of a run is found once and then stands for it: a merge by id takes thrice as long (2 million points).
    known = pd.Index(rows["run"]).get_indexer(points["run"])
    points = points.loc[known >= 0, ["step", *METRICS]].assign(row=known[known >= 0])
    points["arm"] = rows["arm"].to_numpy()[points["row"]]
    lost = rows[rows["status"] == "diverged"].rename_axis("row").reset_index()
    if len(lost):
        points = pd.concat([points[~points["row"].isin(lost["row"])], _continued(points, lost)], ignore_index=True)
    points = _gathered(points, rows["steps"].to_numpy()[points["row"]])
    facts = rows[["run", "seed", *by]].take(points["row"].to_numpy()).reset_index(drop=True)
    return pd.concat([facts, points[["step", *METRICS]]], axis=1)


def _continued(points: pd.DataFrame, lost: pd.DataFrame) -> pd.DataFrame:
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
        count = rows["chance"] if metric.endswith("accuracy") else loss
        rows[metric] = rows[metric].mask(expected & rows[metric].isna(), count)
    return rows[points.columns]


def _gathered(points: pd.DataFrame, steps: NDArray[np.int64]) -> pd.DataFrame:
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


def curves(seeds: pd.DataFrame, runs: pd.DataFrame) -> pd.DataFrame:
    """Return the mean of the curves `seeds`, which `followed` gave, over the seeds that have a value there.

    A row per arm, step and metric. Columns: those of `axes(runs)`, `step`, `metric` (of `METRICS`), `mean`, `low` and
    `high` (the interval; missing for one seed) and `n`.
    """
    by = [*axes(runs), "step"]
    grouped = seeds.groupby(by, dropna=False, sort=False)[list(METRICS)]
    means, sds, counts = grouped.mean(), grouped.std(), grouped.count()
    parts = []
    for metric in METRICS:
        low, high = student(means[metric], sds[metric], counts[metric])
        columns = {"metric": metric, "mean": means[metric], "low": low, "high": high, "n": counts[metric]}
        parts.append(pd.DataFrame(columns).reset_index())
    estimates = pd.concat(parts, ignore_index=True)
    return in_order(estimates[estimates["n"] > 0], ["metric", *by])


def student(
    mean: "pd.Series[float]", sd: "pd.Series[float]", n: "pd.Series[int]"
) -> tuple["pd.Series[float]", "pd.Series[float]"]:
    """Return the ends of Student's t interval of the mean (see the module); missing where n is 1."""
    half = stats.t.ppf((1 + LEVEL) / 2, n - 1) * sd / np.sqrt(n)
    return mean - half, mean + half


def _widths(hidden: Any) -> str:
    return hidden if isinstance(hidden, str) else "-".join(str(width) for width in hidden)


def _ranks(column: "pd.Series[Any]") -> "pd.Series[Any]":
    """Return the numbers by which `column` sorts: a choice's place in its enum, all else its place among the values."""
    kind = _TYPES.get(str(column.name))
    values = column.dropna().unique()
    if is_choice(kind):
        order = [str(choice) for choice in kind]
    elif column.name == "hidden":
        order = sorted(values, key=lambda text: [int(width) for width in text.split("-")])
    else:
        order = sorted(values)
    return column.map({value: rank for rank, value in enumerate(order)})


_TYPES: Final = {f.name: f.type for f in dataclasses.fields(Run)}
