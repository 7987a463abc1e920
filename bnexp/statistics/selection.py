"""The best learning rate of an arm: chosen on validation accuracy, for each fold of the seeds on the other folds.

All seeds choose and all are reported, each at a rate that the others chose: see `cross_fit`.

Letters: `K` cells, `L` levels, `T` learning rates, `S` seeds; `F` folds. Nothing here reads a column of the test set.

A learning rate is a candidate if at least half of the arm's seeds have a run at it: a rate that some seeds tried later
does not make the others incomplete. Of the candidates those go first at which the fewest runs failed (diverged, or
stuck at chance) or fell far behind (`whole_procedure.BEHIND`), and of these the one with the best mean validation
accuracy of the runs that trained.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bnexp.statistics.grid import Grid
from bnexp.statistics.intervals_and_tests import Floats
from bnexp.statistics.whole_procedure import FOLDS, find_behind

Integers = NDArray[np.int64]
Booleans = NDArray[np.bool_]


@dataclass(frozen=True)
class Selection:
    """Learning rates as numbers of `Grid.lrs`, −1 for none.

    `lr_KLS` is the one at which an arm is reported on a seed; `lr_KLF` are those that its folds were reported at;
    `edge_KL` says whether one of these is the lowest or the highest that the arm tried, `same_KL` whether an arm had
    no seeds to spare and was reported on seeds that chose.
    """

    lr_KLS: Integers
    lr_KLF: Integers
    edge_KL: Booleans
    same_KL: Booleans

    def take(self, values_KLTS: Floats) -> Floats:
        """Return the values [K, L, S] at the chosen learning rates, NaN where there is no run."""
        taken = np.take_along_axis(values_KLTS, np.maximum(self.lr_KLS, 0)[:, :, None], axis=2)[:, :, 0]
        return np.where(self.lr_KLS >= 0, taken, np.nan)


def choose_best(grid: Grid, fewest: int = 1) -> Integers:
    """Return the learning rate [K, L] that all seeds of an arm choose together, −1 for none.

    Of the candidates only those count at which at least `fewest` runs are.
    """
    accuracy_KLTS = grid.column("validation_accuracy")
    every_KS = np.ones((len(grid.cells), len(grid.seeds)), dtype=bool)
    candidates_KLT = find_candidates(grid.present_KLTS) & (grid.present_KLTS.sum(axis=3) >= fewest)
    return _choose(accuracy_KLTS, find_failures(grid), candidates_KLT, every_KS)


def choose_cross_fitted(grid: Grid) -> Selection:
    """Choose for each arm on its own; see `cross_fit`."""
    return cross_fit(grid.column("validation_accuracy"), find_failures(grid), find_candidates(grid.present_KLTS))


def cross_fit(accuracy_KLTS: Floats, failed_KLTS: Booleans, candidates_KLT: Booleans) -> Selection:
    """Choose by cross-fitting in min(5, n) folds: on the other folds' validation accuracy for each.

    The seeds of a cell, in order, belong to the folds by turns, the same ones for all its arms, so that differences
    stay paired. No run's accuracy then helps to choose the learning rate that it is reported at (cross-fitting:
    Chernozhukov et al. 2018, Econometrics Journal 21); that it failed does. Where the other folds of an arm are empty,
    all its seeds choose.

    The differences of seeds that are reported at one choice are not independent: Student's interval covers 0.84 to
    0.95 of the time. Intervals and tests are those of `whole_procedure`, which repeats the choice.
    """
    present_KLTS = ~np.isnan(accuracy_KLTS)
    fold_KS, folds = _split_seeds(np.asarray(present_KLTS.any(axis=(1, 2))))
    best_KL = _choose(accuracy_KLTS, failed_KLTS, candidates_KLT, np.ones(fold_KS.shape, dtype=bool))
    lrs, same_KL = [], np.zeros(best_KL.shape, dtype=bool)
    for fold in range(folds):
        here_KL = (present_KLTS & (fold_KS == fold)[:, None, None]).any(axis=(2, 3))
        chosen_KL = _choose(accuracy_KLTS, failed_KLTS, candidates_KLT, fold_KS != fold)
        lrs.append(np.where(here_KL, np.where(chosen_KL >= 0, chosen_KL, best_KL), -1))
        same_KL |= here_KL & (chosen_KL < 0)
    lr_KLF = np.stack(lrs, axis=-1)
    index_KLS = np.broadcast_to(np.maximum(fold_KS, 0)[:, None], (*best_KL.shape, fold_KS.shape[1]))
    lr_KLS = np.where(fold_KS[:, None] >= 0, np.take_along_axis(lr_KLF, index_KLS, axis=-1), -1)
    edges = [name_edges(candidates_KLT, lr_KLF[..., fold]) != "" for fold in range(folds)]
    edge_KL = np.asarray(np.logical_or.reduce(edges))
    return Selection(lr_KLS, lr_KLF, edge_KL, same_KL & (accuracy_KLTS.shape[2] > 1))


def find_failures(grid: Grid) -> Booleans:
    """Return which runs [K, L, T, S] diverged or were stuck; a grid whose rows do not say so has none."""
    failed_KLTS = np.zeros(grid.row_KLTS.shape, dtype=bool)
    for name in ("diverged", "stuck"):
        if name in grid.rows:
            failed_KLTS |= grid.column(name) == 1
    return failed_KLTS


def find_candidates(present_KLTS: Booleans) -> Booleans:
    """Return the learning rates [K, L, T] that at least half of the arm's seeds tried."""
    seeds_KL1 = present_KLTS.any(axis=2).sum(axis=2)[:, :, None]
    runs_KLT = present_KLTS.sum(axis=3)
    return np.asarray((runs_KLT > 0) & (2 * runs_KLT >= seeds_KL1))


def find_complete(present_KLTS: Booleans) -> Booleans:
    """Return whether an arm [K, L, S] has a run at each of its candidates on a seed."""
    candidates_KLT = find_candidates(present_KLTS)
    complete_KLS = np.asarray((present_KLTS | ~candidates_KLT[..., None]).all(axis=2))
    return complete_KLS & np.asarray(candidates_KLT.any(axis=2, keepdims=True))


def find_edges(grid: Grid, lr_KL: Integers) -> NDArray[np.str_]:
    """Return "lowest" or "highest" [K, L] where `lr_KL` is at that end of what the arm tried, else ""."""
    return name_edges(grid.tried_KLT, lr_KL)


def name_edges(tried_KLT: Booleans, lr_KL: Integers) -> NDArray[np.str_]:
    """Return "lowest" or "highest" [K, L] where `lr_KL` is at that end of `tried_KLT`, else ""."""
    lowest_KL = tried_KLT.argmax(axis=-1)
    highest_KL = tried_KLT.shape[-1] - 1 - tried_KLT[..., ::-1].argmax(axis=-1)
    open_KL = (lr_KL >= 0) & (lowest_KL < highest_KL)
    return np.where(open_KL & (lr_KL == lowest_KL), "lowest", np.where(open_KL & (lr_KL == highest_KL), "highest", ""))


def _choose(accuracy_KLTS: Floats, failed_KLTS: Booleans, candidates_KLT: Booleans, chooses_KS: Booleans) -> Integers:
    """Return what the seeds `chooses_KS` choose [K, L], −1 where the arm has no run of them."""
    used_KLTS = ~np.isnan(accuracy_KLTS) & candidates_KLT[..., None]
    behind_KLTS = find_behind(accuracy_KLTS, failed_KLTS | ~used_KLTS) & used_KLTS
    behind_KLT = np.where(candidates_KLT, behind_KLTS.sum(axis=3), np.iinfo(np.int64).max)
    first_KLT = candidates_KLT & (behind_KLT == behind_KLT.min(axis=2, keepdims=True))
    present_KLTS = ~np.isnan(accuracy_KLTS) & chooses_KS[:, None, None]
    trained_KLTS = np.asarray(present_KLTS & ~failed_KLTS)
    learned_KL11 = np.asarray((trained_KLTS & first_KLT[..., None]).any(axis=(2, 3), keepdims=True))
    counted_KLTS = np.where(learned_KL11, trained_KLTS, present_KLTS)  # an arm that learned nowhere counts as it is
    total_KLT = np.where(counted_KLTS, accuracy_KLTS, 0.0).sum(axis=3)
    mean_KLT = np.where(first_KLT, total_KLT / np.maximum(counted_KLTS.sum(axis=3), 0.5), -np.inf)
    known_KL = (present_KLTS & first_KLT[..., None]).any(axis=(2, 3))
    return np.where(known_KL, mean_KLT.argmax(axis=2), -1)


def _split_seeds(present_KS: Booleans) -> tuple[Integers, int]:
    """Return the fold [K, S] of the seeds of a cell by turns, −1 for seeds that it does not have, and their number."""
    seeds_K1 = present_KS.sum(axis=1, keepdims=True)
    folds_K1 = np.clip(seeds_K1, 1, FOLDS)
    fold_KS = np.where(present_KS, (present_KS.cumsum(axis=1) - 1) % folds_K1, -1)
    return fold_KS, int(folds_K1.max(initial=1))
