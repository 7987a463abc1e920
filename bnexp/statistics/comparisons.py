"""Effects of the compared axis: paired contrasts at the best learning rate of each arm, and at each learning rate.

Letters: `K` cells, `L` levels, `T` learning rates, `S` seeds; `C` contrasts of two levels, in which a is the later.
"""

from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bnexp.errors import UserError
from bnexp.statistics import contrasts, families, intervals_and_tests, resampling, selection
from bnexp.statistics.examples import add_examples, choose_margin
from bnexp.statistics.grid import Grid
from bnexp.statistics.intervals_and_tests import Floats
from bnexp.statistics.notes import Note, Side, notes
from bnexp.statistics.pairs import Pairs, pair_arms, pair_curves, pair_levels
from bnexp.statistics.running_statistics import lag, share_left, uses_running
from bnexp.statistics.selection import Booleans, Integers, Selection
from bnexp.store.schemas import METRICS

MARGIN: Final = 0.001
"""Accuracy below which a difference is none, if no other margin is given: 0.1 percentage points."""

ENDS: Final = ("low", "high", "equivalence_low", "equivalence_high")
"""Ends of intervals: Student's where too few pairs have none by exchange."""


def compare_at_best(grid: Grid, metric: str = "test_accuracy", margin: float | None = MARGIN) -> pd.DataFrame:
    """Return a row per cell and pair of levels: by how much `metric` of a is above b's, each at its best learning rate.

    What is estimated is the best over the learning rates of an arm, not a difference at one of them; the rates are
    chosen by `selection.cross_fit` over the seeds on which both arms are complete, and chosen again in every test
    (`families.test_effects`). Runs that failed, diverged or stuck at chance, are no accuracies: `mean_a`, `mean_b`,
    `mean` and what is tested are over the `n_trained` pairs in which both trained, and the risk of failure is told
    apart; where no run of an arm learned at any rate, all count, at chance by convention. A `margin` of None is what
    the test set is large enough for, at least `MARGIN`: `examples.choose_margin`.

    Columns: those of `design.cells`; `a`, `b`, `lr_a`, `lr_b` (text, "" if none is tuned), `edge_a`, `edge_b`; `n`
    pairs; those of `contrasts.measure_effects` and of `families.test_effects`, all rows being one family (ends of an
    interval that too few pairs cannot have are Student's); `meaningful`; `n_trained`; `risk_a`, `risk_b`, the shares of
    the n pairs' runs that failed, and `next_risk_a`, `next_risk_b` at the next higher rate; `diverged_a`, `diverged_b`,
    `stuck_a`, `stuck_b`, their numbers; `validation_a`, `validation_b`, mean validation accuracies over the pairs
    that `mean_a` is over, by which an arm may be picked out without a look at the test set; `metric`, `margin`; those
    of `examples.add_examples`; and `notes`, a tuple of `notes.Note`: what keeps a number from being claimed.
    """
    values_KLTS, pairs = _metric_values(grid, metric), pair_arms(grid)
    curves = pair_curves(grid, pairs, values_KLTS)
    choice = curves.choose()
    rows = pairs.labels(grid).drop(columns="lr")
    rows["lr_a"], rows["lr_b"] = _lr_texts(grid, choice).T
    rows["edge_a"], rows["edge_b"] = choice.edge_KL.T
    a_CS, b_CS = np.moveaxis(choice.take(curves.outcome_C2TS), 1, 0)
    failed_C2S = choice.take(curves.failed_C2TS.astype(float)) == 1
    trained_CS = curves.compared_CS & ~failed_C2S.any(axis=1)
    counts = _count_wrong(pairs, choice, grid, curves.compared_CS)
    n_C = curves.compared_CS.sum(axis=1)
    learned_C = _find_learned(n_C, counts)
    a_CS, b_CS = np.where(trained_CS, a_CS, np.nan), np.where(trained_CS, b_CS, np.nan)
    row_C2S = np.where(trained_CS[:, None], choice.take(pairs.arms(grid.row_KLTS.astype(float))), np.nan)
    measured = contrasts.measure_effects(a_CS, b_CS, MARGIN if margin is None else margin)
    asked = margin

    def choose(intervals: pd.DataFrame) -> float:
        """Return the margin; what it does not change is not estimated twice."""
        nonlocal margin
        ends = intervals[list(ENDS)].where(intervals[list(ENDS)].notna(), measured[list(ENDS)])
        known = ends.assign(mean=measured["mean"], metric=metric, margin=MARGIN)
        margin = choose_margin(add_examples(known, grid.rows, (row_C2S[:, 0], row_C2S[:, 1])), MARGIN)
        return margin

    tested = families.test_effects(curves, measured["d_z"].to_numpy(), learned_C, choose if asked is None else asked)
    tested = tested.where(tested.notna(), measured[[name for name in ENDS if name in tested]])
    rows = pd.concat([rows, measured.drop(columns=[name for name in measured if name in tested]), tested], axis=1)
    rows["n_trained"], rows["n"] = rows["n"], n_C
    rows["meaningful"] = contrasts.judge_meaningful(rows, learned_C)
    for side in "ab":
        rows[f"risk_{side}"] = (counts[f"diverged_{side}"] + counts[f"stuck_{side}"]) / np.where(n_C > 0, n_C, np.nan)
    rows["next_risk_a"], rows["next_risk_b"] = curves.next_risks(choice).T
    validation_C2S = np.where(trained_CS[:, None], choice.take(curves.validation_C2TS), np.nan)
    rows["validation_a"], rows["validation_b"] = intervals_and_tests.moments(validation_C2S)[0].T
    rows = pd.concat([rows, counts], axis=1).assign(metric=metric, margin=margin)
    rows = add_examples(rows, grid.rows, (row_C2S[:, 0], row_C2S[:, 1]))
    facts = _average_pairs(pairs, choice, grid, curves.compared_CS)
    texts = _notes(rows.join(facts), pairs, values_KLTS, choice.same_KL)
    return rows.assign(notes=pd.Series(texts, rows.index, dtype=object))


def compare_at_each_lr(grid: Grid, metric: str = "test_accuracy", margin: float = MARGIN) -> pd.DataFrame:
    """Return a row per cell, learning rate and pair of levels, both at this learning rate: intervals, and no test.

    Columns: `design.cells`, `lr`, `a`, `b`, those of `contrasts.measure_effects`, the counts of runs as in
    `compare_at_best`, `metric` and `margin`. As many contrasts could not be significant together: they describe.
    """
    pairs = pair_levels(grid.tried_KLT)
    a_CS, b_CS = pairs.sides(_metric_values(grid, metric))
    measured = contrasts.measure_effects(a_CS, b_CS, margin)
    wrong = {
        f"{name}_{side}": ((wrong_CS == 1) & ~np.isnan(a_CS - b_CS)).sum(axis=1)
        for name in ("diverged", "stuck")
        for side, wrong_CS in zip("ab", pairs.sides(grid.column(name)), strict=True)
    }
    counts = pd.DataFrame(wrong)
    measured = contrasts.withhold_equivalence(measured, _find_learned(measured["n"].to_numpy(), counts))
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


def _count_wrong(pairs: Pairs, choice: Selection, grid: Grid, paired_CS: Booleans) -> pd.DataFrame:
    """Return how many of the paired runs of a and of b diverged, and how many were stuck."""
    counts = {}
    for name in ("diverged", "stuck"):
        wrong_C2S = choice.take(pairs.arms(grid.column(name))) == 1
        for number, side in enumerate("ab"):
            counts[f"{name}_{side}"] = (wrong_C2S[:, number] & paired_CS).sum(axis=1)
    return pd.DataFrame(counts)


def _average_pairs(pairs: Pairs, choice: Selection, grid: Grid, paired_CS: Booleans) -> pd.DataFrame:
    """Return means over the paired runs of a and of b of how running statistics evaluate, 0 where there are none."""
    means = {}
    for name, of in (("running", uses_running), ("share", share_left), ("lag", lag)):
        values_C2S = choice.take(pairs.arms(grid.values(of(grid.rows).astype(float))))
        for number, side in enumerate("ab"):
            sums_C = np.where(paired_CS, values_C2S[:, number], 0.0).sum(axis=1)
            means[f"{name}_{side}"] = sums_C / np.maximum(paired_CS.sum(axis=1), 1)
    return pd.DataFrame(means)


def _find_learned(n_C: Integers, counts: pd.DataFrame) -> Booleans:
    """Return whether a run of a or of b learned [C]; where no seed is shared, none is known not to have."""
    wrong_C2 = np.stack([counts[f"diverged_{side}"] + counts[f"stuck_{side}"] for side in "ab"], axis=1)
    return np.asarray(((wrong_C2 < n_C[:, None]) | (n_C[:, None] == 0)).any(axis=1))


def _lr_texts(grid: Grid, choice: Selection) -> NDArray[np.object_]:
    """Return the learning rates [C, 2] at which arms are reported, "0.1 | 0.3" if folds chose differently.

    The rate of most folds comes first.
    """
    texts = np.full(choice.lr_KLF.shape[:2], "", dtype=object)
    for contrast, side in np.ndindex(*texts.shape):
        if grid.design.tuned:
            chosen = [number for number in choice.lr_KLF[contrast, side].tolist() if number >= 0]
            numbers = sorted(dict.fromkeys(chosen), key=chosen.count, reverse=True)
            texts[contrast, side] = " | ".join(f"{grid.lrs[number]:g}" for number in numbers)
    return texts


def _notes(rows: pd.DataFrame, pairs: Pairs, values_KLTS: Floats, same_C2: Booleans) -> list[tuple[Note, ...]]:
    """Return the notes of each contrast."""
    present_KLTS = ~np.isnan(values_KLTS)
    seeds_C2 = pairs.arms(present_KLTS.any(axis=2).sum(axis=2))
    incomplete_C2 = seeds_C2 - pairs.arms(selection.find_complete(present_KLTS).sum(axis=2))
    numbers = ("diverged", "stuck", "running", "share", "lag")
    sides = [
        list(map(Side, rows[side], *columns.T.tolist(), *(rows[f"{name}_{side}"] for name in numbers)))
        for side, columns in zip("ab", np.stack([seeds_C2, incomplete_C2, same_C2], axis=2).swapaxes(0, 1), strict=True)
    ]
    family = int((rows["n"] > 0).sum())
    contrast = zip(*sides, rows["metric"], rows["n"], rows["n_trained"], rows["fewest"], strict=True)
    return [
        notes(a, b, metric=metric, n=n, trained=trained, fewest=fewest, family=family)
        for a, b, metric, n, trained, fewest in contrast
    ]
