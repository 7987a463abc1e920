"""Contrasts of two levels as pairs of arms: where they stand in a grid, and their curves over the seeds they share.

Letters: `K` cells, `L` levels, `T` learning rates, `S` seeds; `C` contrasts, in which a is the later level.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bnexp.statistics import selection
from bnexp.statistics.grid import Grid
from bnexp.statistics.intervals_and_tests import Floats
from bnexp.statistics.selection import Booleans, Integers, Selection
from bnexp.statistics.whole_procedure import Curves


@dataclass(frozen=True)
class Pairs:
    """Where the two sides of each of C contrasts stand in an array [K, L, T, …]."""

    cell_C: Integers
    lr_C: Integers
    a_C: Integers
    b_C: Integers

    def sides(self, values_KLT: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return the values of both sides, each at the learning rate of the contrast."""
        return values_KLT[self.cell_C, self.a_C, self.lr_C], values_KLT[self.cell_C, self.b_C, self.lr_C]

    def arms(self, values_KL: NDArray[Any]) -> NDArray[Any]:
        """Return the values [C, 2, …] of both arms, a before b, at all learning rates."""
        return np.stack([values_KL[self.cell_C, self.a_C], values_KL[self.cell_C, self.b_C]], axis=1)

    def labels(self, grid: Grid) -> pd.DataFrame:
        """Return the columns of the cells, and `lr`, `a`, `b`."""
        return grid.cell_rows(self.cell_C).assign(
            lr=grid.lr_of(self.a_C, self.lr_C), a=grid.level_values(self.a_C), b=grid.level_values(self.b_C)
        )


def pair_levels(present_KLT: Booleans) -> Pairs:
    """Return each pair of levels in each cell at each learning rate where one of them has runs."""
    b_P, a_P = np.triu_indices(present_KLT.shape[1], 1)
    cell, lr, pair = np.nonzero(np.moveaxis(present_KLT[:, a_P] | present_KLT[:, b_P], 1, 2))
    return Pairs(cell, lr, a_P[pair], b_P[pair])


def pair_arms(grid: Grid) -> Pairs:
    """Return each pair of levels in each cell in which one of them has runs, at whatever learning rate."""
    return pair_levels(np.asarray(grid.tried_KLT.any(axis=2, keepdims=True)))


@dataclass(frozen=True)
class PairedCurves:
    """The curves of both arms of C contrasts on the seeds `compared_CS`, on which both are complete.

    Complete: with a run at each of the arm's `candidates_C2T` (`selection.find_candidates`). Elsewhere values are NaN.
    """

    validation_C2TS: Floats
    outcome_C2TS: Floats
    failed_C2TS: Booleans
    candidates_C2T: Booleans
    compared_CS: Booleans

    def choose(self) -> Selection:
        """Choose each arm's learning rate by the seeds of the contrast, K = C and L = 2."""
        return selection.cross_fit(self.validation_C2TS, self.failed_C2TS, self.candidates_C2T)

    def next_risks(self, choice: Selection) -> Floats:
        """Return how many of an arm's paired runs failed at the rate after the highest chosen one [C, 2], as a share.

        NaN where the chosen one is the highest that the arm tried.
        """
        rate_T = np.arange(self.candidates_C2T.shape[2])
        above_C2T = self.candidates_C2T & (rate_T > choice.lr_KLF.max(axis=2)[:, :, None])
        next_C21 = above_C2T.argmax(axis=2)[:, :, None]
        failed_C2T = self.failed_C2TS.sum(axis=3) / np.maximum(self.compared_CS.sum(axis=1), 1)[:, None, None]
        return np.where(above_C2T.any(axis=2), np.take_along_axis(failed_C2T, next_C21, axis=2)[:, :, 0], np.nan)

    def groups(self) -> Iterator[tuple[Integers, Booleans, Curves]]:
        """Yield contrasts of the same seeds: their numbers, their seeds [S], and their curves."""
        masks, group_C = np.unique(self.compared_CS, axis=0, return_inverse=True)
        for group, mask_S in enumerate(masks):
            if mask_S.any():
                chosen = np.flatnonzero(group_C.reshape(-1) == group)
                yield chosen, mask_S, self._dense(chosen, mask_S)

    def _dense(self, chosen: Integers, mask_S: Booleans) -> Curves:
        tried_C2T = self.candidates_C2T[chosen]
        order_C2T = _align(tried_C2T)
        tried_C2T = np.take_along_axis(tried_C2T, order_C2T, axis=2)
        keep = tried_C2T.any(axis=(0, 1))

        def dense(values_C2TS: NDArray[Any]) -> NDArray[Any]:
            ordered = np.take_along_axis(values_C2TS[chosen][..., mask_S], order_C2T[..., None], axis=2)
            return np.asarray(ordered[:, :, keep])

        lacking_C2Tn = dense(self.failed_C2TS) | ~tried_C2T[:, :, keep, None]
        validation, outcome = (
            np.where(lacking_C2Tn, 0.0, dense(values)) for values in (self.validation_C2TS, self.outcome_C2TS)
        )
        return Curves(validation, outcome, lacking_C2Tn)


def pair_curves(grid: Grid, pairs: Pairs, metric_KLTS: Floats) -> PairedCurves:
    """Return the curves of `pairs`: validation accuracy, the metric that is reported, and which runs failed.

    Where no run of an arm learned, both count as they are, at chance by convention: nothing else could be compared.
    """
    present_KLTS = grid.present_KLTS & ~np.isnan(metric_KLTS)
    candidates_KLT = selection.find_candidates(present_KLTS)
    compared_CS = np.asarray(pairs.arms(selection.find_complete(present_KLTS)).all(axis=1))
    candidates_C2T = pairs.arms(candidates_KLT)
    used_C2TS = candidates_C2T[..., None] & compared_CS[:, None, None]
    failed_C2TS = pairs.arms(selection.find_failures(grid)) & used_C2TS
    learned_C2 = np.asarray((used_C2TS & ~failed_C2TS).any(axis=(2, 3)))
    failed_C2TS &= np.asarray(learned_C2.all(axis=1))[:, None, None, None]
    validation, outcome = (
        np.where(used_C2TS, pairs.arms(values), np.nan) for values in (grid.column("validation_accuracy"), metric_KLTS)
    )
    return PairedCurves(validation, outcome, failed_C2TS, candidates_C2T, compared_CS)


def find_counted(a_Cn: Booleans, b_Cn: Booleans) -> Booleans:
    """Return the seeds [C, n] that count, from those on which a and b trained: on which both did, if each ever did."""
    learned_C1 = a_Cn.any(axis=1, keepdims=True) & b_Cn.any(axis=1, keepdims=True)
    return np.asarray((a_Cn & b_Cn) | ~learned_C1)


def _align(tried_C2T: Booleans) -> Integers:
    """Return the order [C, 2, T] in which the rates of both arms are matched, those that are tried first.

    By their value where both arms tried some of them; arms without a common one are matched rate by rate in order, as
    where the learning rate follows from the level.
    """
    either_C1T = tried_C2T.any(axis=1, keepdims=True)
    common_C11 = (tried_C2T[:, :1] & tried_C2T[:, 1:]).any(axis=2, keepdims=True)
    first_C2T = np.where(common_C11, np.broadcast_to(either_C1T, tried_C2T.shape), tried_C2T)
    return np.argsort(~first_C2T, axis=2, kind="stable")
