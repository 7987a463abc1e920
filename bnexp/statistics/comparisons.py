"""Effects of the compared axis: paired contrasts at the best learning rate of each arm, and at each learning rate.

Letters: `K` cells, `L` levels, `T` learning rates, `S` seeds; `C` contrasts of two levels, in which a is the later.
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bnexp.errors import UserError
from bnexp.statistics import contrasts, intervals_and_tests, resampling, selection
from bnexp.statistics.examples import add_examples
from bnexp.statistics.grid import Grid
from bnexp.statistics.intervals_and_tests import Floats
from bnexp.statistics.notes import Note, Side, notes
from bnexp.statistics.running_statistics import lag, share_left, uses_running
from bnexp.statistics.selection import Booleans, Integers, Selection
from bnexp.store.schemas import METRICS

MARGIN: Final = 0.001
"""Accuracy below which a difference is none, if no other margin is given: 0.1 percentage points."""


def compare_at_best(grid: Grid, metric: str = "test_accuracy", margin: float = MARGIN) -> pd.DataFrame:
    """Return a row per cell and pair of levels: by how much `metric` of a is above b's, each at its best learning rate.

    The learning rate is chosen by `selection.choose_cross_fitted`. Columns: those of `design.cells`; `a`, `b`, `lr_a`,
    `lr_b` (text, "" if none is tuned), `edge_a`, `edge_b`; those of `contrasts.measure_effects` and of
    `contrasts.test_effects`, all rows being one family; `meaningful`; `diverged_a`, `diverged_b`, `stuck_a`, `stuck_b`
    (runs among the n pairs); `metric`, `margin`; those of `examples.add_examples`; and `notes`, a tuple of
    `notes.Note`: what keeps a number from being claimed.
    """
    choice = selection.choose_cross_fitted(grid)
    values_KLTS = _metric_values(grid, metric)
    pairs = _pair_levels(np.asarray(grid.tried_KLT.any(axis=2, keepdims=True)))
    a_CS, b_CS = pairs.sides(choice.take(values_KLTS)[:, :, None])
    rows = pairs.labels(grid).drop(columns="lr")
    rows["lr_a"], rows["lr_b"] = pairs.sides(_lr_texts(grid, choice)[:, :, None])
    rows["edge_a"], rows["edge_b"] = pairs.sides(choice.edge_KL[:, :, None])
    wrong = {name: choice.take(grid.column(name))[:, :, None] for name in ("diverged", "stuck")}
    counts = _count_wrong(pairs, wrong, ~np.isnan(a_CS - b_CS))
    measured = contrasts.measure_effects(a_CS, b_CS, margin)
    learned_C = _find_learned(measured["n"], counts)
    tested = contrasts.test_effects(a_CS, b_CS, measured["d_z"].to_numpy(), learned_C)
    rows = pd.concat([rows, contrasts.withhold_equivalence(measured, learned_C), tested], axis=1)
    rows["meaningful"] = contrasts.judge_meaningful(rows, learned_C)
    rows = pd.concat([rows, counts], axis=1).assign(metric=metric, margin=margin)
    rows = add_examples(rows, grid.rows, pairs.sides(choice.take(grid.row_KLTS.astype(float))[:, :, None]))
    seeds_KL = (~np.isnan(values_KLTS)).any(axis=2).sum(axis=2)
    evaluated = {
        name: choice.take(grid.values(of(grid.rows).astype(float)))[:, :, None]
        for name, of in (("running", uses_running), ("share", share_left), ("lag", lag))
    }
    facts = _average_pairs(pairs, evaluated, ~np.isnan(a_CS - b_CS))
    texts = _notes(rows.join(facts), pairs, seeds_KL, choice.same_KL)
    return rows.assign(notes=pd.Series(texts, rows.index, dtype=object))


def compare_at_each_lr(grid: Grid, metric: str = "test_accuracy", margin: float = MARGIN) -> pd.DataFrame:
    """Return a row per cell, learning rate and pair of levels, both at this learning rate: intervals, and no test.

    Columns: `design.cells`, `lr`, `a`, `b`, those of `contrasts.measure_effects`, the counts of runs as in
    `compare_at_best`, `metric` and `margin`. As many contrasts could not be significant together: they describe.
    """
    pairs = _pair_levels(grid.tried_KLT)
    a_CS, b_CS = pairs.sides(_metric_values(grid, metric))
    measured = contrasts.measure_effects(a_CS, b_CS, margin)
    wrong = {name: grid.column(name) for name in ("diverged", "stuck")}
    counts = _count_wrong(pairs, wrong, ~np.isnan(a_CS - b_CS))
    measured = contrasts.withhold_equivalence(measured, _find_learned(measured["n"], counts))
    return pd.concat([pairs.labels(grid), measured, counts], axis=1).assign(metric=metric, margin=margin)


def average_finals(grid: Grid, metric: str = "test_accuracy") -> pd.DataFrame:
    """Return a row per cell, level and learning rate: the mean of `metric` at the end over the seeds.

    Columns: `design.cells`, `level`, `lr`, `mean` with `low`, `high` (Student t), `n`, `diverged`, `stuck` (runs), and
    `best`: chosen on validation over all seeds.
    """
    values_KLTS, best_KL = _metric_values(grid, metric), selection.choose_best(grid)
    k, level, t = np.nonzero(grid.tried_KLT)
    mean, sd, n = intervals_and_tests.moments(values_KLTS[k, level, t])
    low, high = intervals_and_tests.student(mean, sd, n)
    rows = grid.cell_rows(k).assign(
        level=grid.level_values(level), lr=grid.lr_of(level, t), mean=mean, low=low, high=high, n=n
    )
    for name in ("diverged", "stuck"):
        rows[name] = np.nansum(grid.column(name)[k, level, t], axis=1).astype(int)
    return rows.assign(best=t == best_KL[k, level])


def best_lrs(grid: Grid) -> pd.DataFrame:
    """Return a row per cell and level: `lr`, chosen on validation over all seeds, and `edge` of the grid if it is one.

    Columns: `design.cells`, `level`, `lr`, `edge` ("", "lowest" or "highest").
    """
    best_KL = selection.choose_best(grid)
    k, level = np.nonzero(best_KL >= 0)
    rows = grid.cell_rows(k).assign(level=grid.level_values(level), lr=grid.lr_of(level, best_KL[k, level]))
    return rows.assign(edge=selection.find_edges(grid, best_KL)[k, level])


def aggregate(grid: Grid, metric: str = "test_accuracy") -> pd.DataFrame:
    """Return a row per level: the interquartile mean of `metric` over its runs in the strata that all levels have.

    A stratum is a cell at a learning rate. Columns: `level`, `iqm` with `low`, `high` (stratified bootstrap over
    seeds), `strata`, `n` runs. No row if the levels share no stratum.
    """
    values_LKTS = np.moveaxis(_metric_values(grid, metric), 1, 0)
    k, t = np.nonzero((~np.isnan(values_LKTS)).any(axis=3).all(axis=0))
    rows = []
    for level, values_KTS in zip(grid.design.levels, values_LKTS, strict=True):
        strata = [values[~np.isnan(values)] for values in values_KTS[k, t]]
        if strata:
            low, high = resampling.stratified_bootstrap(strata)
            iqm = float(resampling.interquartile_mean(np.concatenate(strata)))
            rows.append((level, iqm, low, high, len(strata), sum(map(len, strata))))
    return pd.DataFrame(rows, columns=["level", "iqm", "low", "high", "strata", "n"])


@dataclass(frozen=True)
class _Pairs:
    """Where the two sides of each of C contrasts stand in an array [K, L, T, …]."""

    cell_C: Integers
    lr_C: Integers
    a_C: Integers
    b_C: Integers

    def sides(self, values_KLT: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        return values_KLT[self.cell_C, self.a_C, self.lr_C], values_KLT[self.cell_C, self.b_C, self.lr_C]

    def labels(self, grid: Grid) -> pd.DataFrame:
        return grid.cell_rows(self.cell_C).assign(
            lr=grid.lr_of(self.a_C, self.lr_C), a=grid.level_values(self.a_C), b=grid.level_values(self.b_C)
        )


def _pair_levels(present_KLT: Booleans) -> _Pairs:
    """Return each pair of levels in each cell at each learning rate where one of them has runs."""
    b_P, a_P = np.triu_indices(present_KLT.shape[1], 1)
    cell, lr, pair = np.nonzero(np.moveaxis(present_KLT[:, a_P] | present_KLT[:, b_P], 1, 2))
    return _Pairs(cell, lr, a_P[pair], b_P[pair])


def _metric_values(grid: Grid, metric: str) -> Floats:
    """Return `metric` of each run as an array [K, L, T, S]; raise `UserError` if diverged runs have none."""
    if metric not in METRICS:
        raise UserError(f"a metric must be one of {', '.join(METRICS)}; got '{metric}'")
    if grid.rows.loc[grid.rows["status"] == "diverged", metric].isna().any():
        raise UserError(
            f"diverged runs must have a {metric}, to stay in every denominator; some have none: give the runs that "
            "`curves.fill_losses` returns"
        )
    return grid.column(metric)


def _count_wrong(pairs: _Pairs, wrong: dict[str, Floats], paired_CS: Booleans) -> pd.DataFrame:
    """Return how many of the paired runs of a and of b went wrong, in each of the ways that `wrong` names."""
    counts = {}
    for name, wrong_KLTS in wrong.items():
        for side, wrong_CS in zip("ab", pairs.sides(wrong_KLTS), strict=True):
            counts[f"{name}_{side}"] = ((wrong_CS == 1) & paired_CS).sum(axis=1)
    return pd.DataFrame(counts)


def _average_pairs(pairs: _Pairs, values: dict[str, Floats], paired_CS: Booleans) -> pd.DataFrame:
    """Return the mean of each of `values` over the paired runs of a and of b, 0 where there are none."""
    means = {}
    for name, values_KLTS in values.items():
        for side, values_CS in zip("ab", pairs.sides(values_KLTS), strict=True):
            sums_C = np.where(paired_CS, values_CS, 0.0).sum(axis=1)
            means[f"{name}_{side}"] = sums_C / np.maximum(paired_CS.sum(axis=1), 1)
    return pd.DataFrame(means)


def _find_learned(n_C: "pd.Series[int]", counts: pd.DataFrame) -> Booleans:
    """Return whether a run of a or of b learned [C]; where no seed is shared, none is known not to have."""
    wrong_C2 = np.stack([counts[f"diverged_{side}"] + counts[f"stuck_{side}"] for side in "ab"], axis=1)
    n_C1 = n_C.to_numpy()[:, None]
    return np.asarray(((wrong_C2 < n_C1) | (n_C1 == 0)).any(axis=1))


def _lr_texts(grid: Grid, choice: Selection) -> NDArray[np.object_]:
    """Return the learning rates [K, L] at which an arm is reported, "0.1 | 0.3" if its halves chose differently."""
    texts = np.full(choice.lr_KLF.shape[:2], "", dtype=object)
    for k, level in np.ndindex(*texts.shape):
        if grid.design.tuned:
            numbers = dict.fromkeys(number for number in choice.lr_KLF[k, level] if number >= 0)
            texts[k, level] = " | ".join(f"{grid.lrs[number]:g}" for number in numbers)
    return texts


def _notes(rows: pd.DataFrame, pairs: _Pairs, seeds_KL: Integers, same_KL: Booleans) -> list[tuple[Note, ...]]:
    """Return the notes of each contrast; `seeds_KL` counts the seeds of an arm at any learning rate."""
    family = int((rows["n"] > 0).sum())
    seeds, same = (pairs.sides(array[:, :, None]) for array in (seeds_KL, same_KL))
    numbers = ("diverged", "stuck", "running", "share", "lag")
    a, b = (
        list(map(Side, rows[side], count.tolist(), chose.tolist(), *(rows[f"{name}_{side}"] for name in numbers)))
        for side, count, chose in zip("ab", seeds, same, strict=True)
    )
    contrast = zip(a, b, rows["metric"], rows["n"], rows["fewest"], strict=True)
    return [
        notes(side_a, side_b, metric=metric, n=n, fewest=fewest, family=family)
        for side_a, side_b, metric, n, fewest in contrast
    ]
