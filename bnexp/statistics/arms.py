"""The runs that count, the axes by which they differ, and the arms over which seeds are taken together."""

import dataclasses
from collections.abc import Sequence
from typing import Any, Final, NewType

import pandas as pd

from bnexp.labels import is_accuracy
from bnexp.runs import Run
from bnexp.statistics.cells import sort_rows
from bnexp.statistics.intervals_and_tests import student
from bnexp.store.schemas import METRICS

STUCK: Final = 0.02
"""A run that ends at most this far above chance accuracy, without having diverged, is stuck."""

ARM: Final = tuple(f.name for f in dataclasses.fields(Run) if f.name != "seed")
COMPARED: Final = ("placement", "activation")

_FOLLOWS: Final = {
    "activation_code": ["activation"],
    "data_train": ["data"],
    "data_validation": ["data"],
    "steps": ["data", "data_train", "batch_size"],
    "evaluate": ["data", "data_train", "batch_size", "steps"],
}
"""Settings that usually only follow from others, as the steps of ten epochs follow from the batch size."""


ScoredRuns = NewType("ScoredRuns", pd.DataFrame)
"""Rows that `score_runs` gave: what takes these is never given rows of a store, and scores nothing again."""


def score_runs(runs: pd.DataFrame) -> ScoredRuns:
    """Return the runs that count, each once, in the order of `runs`: no failed ones, diverged ones at chance accuracy.

    Adds `chance` (1 / classes), `diverged` and `stuck`; `hidden` becomes a text such as 100-100-100.
    """
    rows = runs[runs["status"] != "failed"].drop_duplicates("run").reset_index(drop=True)
    chance = 1 / rows["classes"].astype(float)
    diverged = rows["status"] == "diverged"
    stuck = ~diverged & (rows["validation_accuracy"] <= chance + STUCK)
    accuracies = {name: rows[name].mask(diverged, chance) for name in METRICS if is_accuracy(name)}
    hidden = rows["hidden"].map(_widths)
    return ScoredRuns(rows.assign(hidden=hidden, chance=chance, diverged=diverged, stuck=stuck, **accuracies))


def axes(runs: ScoredRuns) -> list[str]:
    """Return the columns by which the arms of `runs` differ, in the order of `Run`, placement and activation always.

    Left out are settings that only follow from others (the steps of equal epochs differ with the batch size).
    """
    arms = runs[list(ARM)].drop_duplicates()
    return [
        name
        for name in ARM
        if name in COMPARED or (arms[name].nunique() > 1 and not _follows(arms, name, _FOLLOWS.get(name, [])))
    ]


def _follows(arms: pd.DataFrame, name: str, by: list[str]) -> bool:
    """Say whether the columns `by`, if there are any, decide the value of the column `name`."""
    return bool(by) and bool((arms.groupby(by, dropna=False)[name].nunique() <= 1).all())


def average_arms(runs: ScoredRuns) -> pd.DataFrame:
    """Return a row per arm: its settings, the accuracies at the end over its seeds, and how many runs went wrong.

    Columns: those of `ARM`; `validation_accuracy`, `test_accuracy` (means) and each with `_sd` (missing for one seed);
    `n` seeds; `diverged` and `stuck`, how many of them were so. A diverged run counts at chance accuracy.
    """
    arms = runs.groupby(list(ARM), dropna=False, sort=False, as_index=False).agg(
        validation_accuracy=("validation_accuracy", "mean"),
        validation_accuracy_sd=("validation_accuracy", "std"),
        test_accuracy=("test_accuracy", "mean"),
        test_accuracy_sd=("test_accuracy", "std"),
        n=("seed", "nunique"),
        diverged=("diverged", "sum"),
        stuck=("stuck", "sum"),
    )
    return sort_rows(arms, axes(runs))


def average_groups(rows: pd.DataFrame, by: Sequence[str], columns: Sequence[str], name: str) -> pd.DataFrame:
    """Return the mean of each of `columns` over the rows that agree in `by`, and its interval (missing for one row).

    Columns: `by`, `name` (which of `columns`), mean, low, high and n, the rows that have a value.
    """
    grouped = rows.groupby(list(by), dropna=False, sort=False)[list(columns)]
    means, sds, counts = grouped.mean(), grouped.std(), grouped.count()
    parts = []
    for column in columns:
        low, high = student(means[column], sds[column], counts[column])
        part = {name: column, "mean": means[column], "low": low, "high": high, "n": counts[column]}
        parts.append(pd.DataFrame(part).reset_index())
    estimates = pd.concat(parts, ignore_index=True)
    return estimates[estimates["n"] > 0].reset_index(drop=True)


def _widths(hidden: Any) -> str:
    return hidden if isinstance(hidden, str) else "-".join(str(width) for width in hidden)
