"""The second reference for an estimate whose learning rates are chosen: each arm's own deviations, their signs flipped.

Letters as in `whole_procedure`.

Where only the best values are equal and the curves differ in shape, exchanged curves are mixtures: mixed with a peaked
arm, a flat one is never in doubt about its rate, and the doubt is missing from the reference (10 to 13 % false
positives at n = 20). Here each arm keeps its own profile and its own noise: a curve is its mean plus a deviation, and
the deviations of both arms on a seed change sign together. A rate whose mean validation accuracy is less than `CLEAR`
standard errors below the best one is taken to be as good as that, others keep their distance (as in the selection of
moments of Andrews & Soares 2010, Econometrica 78): doubt about the choice is not made smaller by luck. Under "the
difference is θ" the deviations carry ±(t − θ)/2 besides, and the statistic is x = U + c (t − θ), c the mean sign. With
one learning rate it is the sign-flip test, too.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from bnexp.statistics.exchange import Booleans, Reference
from bnexp.statistics.intervals_and_tests import Floats
from bnexp.statistics.whole_procedure import Curves, Integers, look_up, number_folds, split_blocks

CLEAR: Final = 2.0
"""Standard errors of the paired difference by which a learning rate is clearly worse than the best one of its arm."""


def flip_deviations(curves: Curves, swap_Rn: Booleans, observed_C: Floats) -> Reference:
    """Return the reference of flipped deviations for the estimates `observed_C` of `exchange_curves`.

    A flip and its opposite choose differently, unlike an exchange and its opposite: where `swap_Rn` has one of each
    pair, give both.
    """
    statistics, slopes, start = [], [], 0
    for part in split_blocks(curves, len(swap_Rn)):
        shift_CR, slope_CR = _flip(part, np.where(swap_Rn, -1.0, 1.0))
        t_C = observed_C[start : start + len(part)]
        # Where all signs are alike nothing is exchanged: ±t, as in the other reference.
        shift_CR = np.where(np.abs(slope_CR) > 1 - 1e-9, 0.0, shift_CR)
        statistics.append(shift_CR + slope_CR * t_C[:, None])
        slopes.append(slope_CR)
        start += len(part)
    return Reference(np.concatenate(statistics), np.concatenate(slopes))


def _flip(curves: Curves, sign_Rn: Floats) -> tuple[Floats, Floats]:
    """Return U and the mean sign c [C, R] of each flip of the deviations."""
    n = sign_Rn.shape[1]
    fold_n, sides = number_folds(n), [_Deviations.of(curves, side) for side in (0, 1)]
    total_CR, pairs_CR, slope_CR = (np.zeros((len(curves), len(sign_Rn))) for _ in range(3))
    fails = bool(curves.lacking_C2Tn.any())
    for fold in range(fold_n.max() + 1):
        chooses_n = (fold_n != fold) | (n == 1)
        lrs = [side.choose(sign_Rn.T * chooses_n[:, None], chooses_n) for side in sides]
        shifts = [look_up(side.outcome_CT, lr_CR) for side, lr_CR in zip(sides, lrs, strict=True)]
        for seed in np.flatnonzero(fold_n == fold).tolist():
            sign_R = sign_Rn[:, seed]
            a_CR, b_CR = (
                shift_CR + sign_R * look_up(side.outcome_CTn[:, :, seed], lr_CR)
                for side, shift_CR, lr_CR in zip(sides, shifts, lrs, strict=True)
            )
            if not fails:
                total_CR += a_CR - b_CR
                slope_CR += sign_R
                pairs_CR += 1
                continue
            lacks_a, lacks_b = (look_up(curves.lacking_C2Tn[:, side, :, seed], lrs[side]) for side in (0, 1))
            both_CR = ~(lacks_a | lacks_b)
            total_CR += np.where(both_CR, a_CR - b_CR, 0.0)
            slope_CR += both_CR * sign_R
            pairs_CR += both_CR
    known_CR, least_CR = pairs_CR > 0, np.maximum(pairs_CR, 1)
    return np.where(known_CR, total_CR / least_CR, np.nan), slope_CR / least_CR


@dataclass(frozen=True)
class _Deviations:
    """One side of C contrasts: by learning rate how far below the best it is, and the deviations on each seed.

    `distance_CT` is of validation accuracies, −∞ for rates that are not among those with the fewest runs behind;
    `outcome_CT` is of outcomes.
    """

    distance_CT: Floats
    outcome_CT: Floats
    validation_CTn: Floats
    outcome_CTn: Floats
    trained_CTn: Booleans

    @staticmethod
    def of(curves: Curves, side: int) -> "_Deviations":
        trained_CTn = ~curves.lacking_C2Tn[:, side]
        behind_CT = curves.behind_C2Tn[:, side].sum(axis=2)
        open_CT = behind_CT == behind_CT.min(axis=1, keepdims=True)
        mean_CT, outcome_CT = (
            _average(values[:, side], trained_CTn) for values in (curves.validation_C2Tn, curves.outcome_C2Tn)
        )
        best_C1 = np.where(open_CT, mean_CT, -np.inf).argmax(axis=1)[:, None]
        at_best_C1n = np.take_along_axis(curves.validation_C2Tn[:, side], best_C1[:, :, None], axis=1)
        both_CTn = trained_CTn & np.take_along_axis(trained_CTn, best_C1[:, :, None], axis=1)
        below_CTn = np.where(both_CTn, at_best_C1n - curves.validation_C2Tn[:, side], 0.0)
        below_CT, pairs_CT = _average(below_CTn, both_CTn), np.maximum(both_CTn.sum(axis=2), 1)
        squares_CT = (both_CTn * (below_CTn - below_CT[:, :, None]) ** 2).sum(axis=2)
        error_CT = np.sqrt(squares_CT / np.maximum(pairs_CT - 1, 1) / pairs_CT)
        clear_CT = below_CT > CLEAR * error_CT
        worse_CT = outcome_CT - np.take_along_axis(outcome_CT, best_C1, axis=1)
        return _Deviations(
            np.where(open_CT, np.where(clear_CT, -below_CT, 0.0), -np.inf),
            np.where(clear_CT, worse_CT, 0.0),
            np.where(trained_CTn, curves.validation_C2Tn[:, side] - mean_CT[:, :, None], 0.0),
            np.where(trained_CTn, curves.outcome_C2Tn[:, side] - outcome_CT[:, :, None], 0.0),
            trained_CTn,
        )

    def choose(self, sign_nR: Floats, chooses_n: Booleans) -> Integers:
        """Return the learning rate [C, R] with the best profile plus mean flipped deviation of the choosing seeds."""
        shape = (len(self.distance_CT), sign_nR.shape[1])
        best_CR, lr_CR = np.full(shape, -np.inf), np.zeros(shape, dtype=np.int64)
        for t in range(self.distance_CT.shape[1]):
            count_C1 = np.maximum(self.trained_CTn[:, t] @ chooses_n.astype(float), 1)[:, None]
            score_CR = self.distance_CT[:, t, None] + self.validation_CTn[:, t] @ sign_nR / count_C1
            better_CR = score_CR > best_CR
            np.copyto(best_CR, score_CR, where=better_CR)
            np.copyto(lr_CR, t, where=better_CR)
        return lr_CR


def _average(values_CTn: Floats, known_CTn: Booleans) -> Floats:
    return np.asarray(np.where(known_CTn, values_CTn, 0.0).sum(axis=2) / np.maximum(known_CTn.sum(axis=2), 1))
