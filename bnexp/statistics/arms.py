"""The runs that count, the axes by which they differ, and the arms over which seeds are taken together."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, Final

import pandas as pd

from bnexp.labels import sort_values
from bnexp.runs import Run
from bnexp.statistics.inference import student
from bnexp.store.schemas import METRICS

STUCK: Final = 0.02
"""A run that ends at most this far above chance accuracy, without having diverged, is stuck."""

ARM: Final = tuple(f.name for f in dataclasses.fields(Run) if f.name != "seed")
COMPARED: Final = ("placement", "activation")

_FOLLOWS: Final = {
    "data_train": ["data"],
    "data_validation": ["data"],
    "steps": ["data", "data_train", "batch_size"],
    "evaluate": ["data", "data_train", "batch_size", "steps"],
}
"""Settings that usually only follow from others, as the steps of ten epochs follow from the batch size."""


def score_runs(runs: pd.DataFrame) -> pd.DataFrame:
    """Return the runs that count, each once, in the order of `runs`: no failed ones, diverged ones at chance accuracy.

    Adds `chance` (1 / classes), `diverged` and `stuck`; `hidden` becomes a text such as 100-100-100.
    """
    rows = runs[runs["status"] != "failed"].drop_duplicates("run").reset_index(drop=True)
    chance = 1 / rows["classes"].astype(float)
    diverged = rows["status"] == "diverged"
    stuck = ~diverged & (rows["validation_accuracy"] <= chance + STUCK)
    accuracies = {name: rows[name].mask(diverged, chance) for name in METRICS if name.endswith("accuracy")}
    hidden = rows["hidden"].map(_widths)
    return rows.assign(hidden=hidden, chance=chance, diverged=diverged, stuck=stuck, **accuracies)


def axes(runs: pd.DataFrame) -> list[str]:
    """Return the columns by which the arms of `runs` differ, in the order of `Run`, placement and activation always.

    Left out are settings that only follow from others (the steps of equal epochs differ with the batch size).
    """
    arms = score_runs(runs)[list(ARM)].drop_duplicates()
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
    no setting of its own where a full one agrees with it: `rows_of` puts its runs into each of those.
    """
    apart = [name for name in axes(runs) if name not in COMPARED]
    found = combinations(score_runs(runs), apart).to_dict("records")
    return [{str(name): value for name, value in setting.items()} for setting in found]


def combinations(rows: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    """Return each combination of the columns `names` that is in `rows`, in order; one row without columns if none are.

    Left out are combinations in which something cannot act where a full one agrees with them.
    """
    if not names:
        return pd.DataFrame(index=[0])
    found = sort_rows(rows[names].drop_duplicates(), names)
    whole = found.notna().all(axis=1).to_numpy()
    full = found[whole]
    kept = [is_full or rows_of(full, found.iloc[row].dropna().to_dict()).empty for row, is_full in enumerate(whole)]
    return found[kept].reset_index(drop=True)


def rows_of(frame: pd.DataFrame, setting: Mapping[Any, Any]) -> pd.DataFrame:
    """Return the rows of `frame` that belong to `setting`, those in which a part of it cannot act included."""
    belongs = pd.Series(True, index=frame.index)
    for name, value in setting.items():
        belongs &= frame[name].isna() | (frame[name] == value)
    return frame[belongs]


def sort_rows(frame: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """Return `frame` sorted by the columns `by`: choices in the order of their enum, all else by value."""
    return frame.sort_values(by, key=_ranks, kind="stable", na_position="first", ignore_index=True)


def final(runs: pd.DataFrame) -> pd.DataFrame:
    """Return a row per arm: its settings, the accuracies at the end over its seeds, and how many runs went wrong.

    Columns: those of `ARM`; `validation_accuracy`, `test_accuracy` (means) and each with `_sd` (missing for one seed);
    `n` seeds; `diverged` and `stuck`, how many of them were so. A diverged run counts at chance accuracy.
    """
    rows = score_runs(runs)
    arms = rows.groupby(list(ARM), dropna=False, sort=False, as_index=False).agg(
        validation_accuracy=("validation_accuracy", "mean"),
        validation_accuracy_sd=("validation_accuracy", "std"),
        test_accuracy=("test_accuracy", "mean"),
        test_accuracy_sd=("test_accuracy", "std"),
        n=("seed", "nunique"),
        diverged=("diverged", "sum"),
        stuck=("stuck", "sum"),
    )
    return sort_rows(arms, axes(runs))


def group_means(rows: pd.DataFrame, by: Sequence[str], columns: Sequence[str], name: str) -> pd.DataFrame:
    """Return the mean of each of `columns` over the rows that agree in `by`, and its interval (missing for one row).

    Columns: `by`, `name` (which of `columns`), mean, low, high and n, the rows that have a value.
    """
    grouped = rows.groupby(list(by), dropna=False, sort=False)[list(columns)]
    means, sds, counts = grouped.mean(), grouped.std(), grouped.count()
    parts = []
    for column in columns:
        low, high = student(means[column], sds[column], counts[column])
        found = {name: column, "mean": means[column], "low": low, "high": high, "n": counts[column]}
        parts.append(pd.DataFrame(found).reset_index())
    estimates = pd.concat(parts, ignore_index=True)
    return estimates[estimates["n"] > 0].reset_index(drop=True)


def _widths(hidden: Any) -> str:
    return hidden if isinstance(hidden, str) else "-".join(str(width) for width in hidden)


def _ranks(column: "pd.Series[Any]") -> "pd.Series[Any]":
    """Return the numbers by which `column` sorts: a choice's place in its enum, all else its place among the values."""
    order = sort_values(str(column.name), column.dropna())
    return column.map({value: rank for rank, value in enumerate(order)})
