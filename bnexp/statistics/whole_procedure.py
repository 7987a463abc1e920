"""The choice of a learning rate as a part of the estimate: made anew for each exchange of what was measured.

Letters: `C` contrasts of two arms, a before b; `T` learning rates; `n` paired seeds; `R` exchanges; `F` folds.

An arm's *curve* on a seed is what it reached at every learning rate: validation accuracy, which chooses, and outcome,
which is reported. Seeds fall into F = min(5, n) folds; the rate of a fold is the one with the best mean validation
accuracy on the other folds; the estimate t is the mean over the seeds of a's outcome minus b's, each at its rate. The
choice is shared by many seeds, so the seeds' differences are not independent and a test of them alone errs too often.
What is estimated: by how much the best over a's learning rates is above the best over b's, not a difference at a rate.

*Reference 1, exchanged curves.* If the arms do not differ at all, (a's curve, b's curve) of a seed and (b's, a's) are
equally likely, seed by seed. So all 2ⁿ exchanges are, choice and estimate made anew in each, and the share of them with
an estimate as large as t is an exact p: P(p ≤ α) ≤ α for every n, every distribution and every rule of choice (Fisher
1935, sec. 21; Lehmann & Romano 2005, sec. 15.2). With one learning rate it is the sign-flip test.

*Reference 2, flipped deviations*: `deviations`.

The larger p of the two counts and the wider ends: exact where curves are exchangeable, and held by simulation where
only the best values are equal (docs/error-rates.md).

*Runs that fail* (diverged, or stuck at chance) are no accuracies. A rate at which fewer of an arm's paired runs failed
or fell far behind (`BEHIND`) goes before one at which more did, in each exchange too; and outcomes are compared over
the seeds on which both arms trained at their rates. So the estimate is the difference given training, at rates that all
runs survived where such exist, and the risk of failure is a number of its own.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from bnexp.statistics.exchange import Booleans, Reference
from bnexp.statistics.intervals_and_tests import Floats

Integers = NDArray[np.int64]

FOLDS: Final = 5
"""Folds of seeds; with two, or with as many as seeds, the tests err more where only the best values are equal."""

BEHIND: Final = 0.9
"""Part of its curve's best validation accuracy below which a run falls far behind.

Else, in exchanges in which the few seeds that choose all have one arm's curve, a rate at which the other arm's curve
falls off a cliff is chosen for it by luck, and at n = 6 the interval is as wide as the cliff is high.
"""

_BLOCK: Final = 2**16
"""Statistics of one block of contrasts (512 KiB an array): with four times as many, the caches are too small."""


@dataclass(frozen=True)
class Curves:
    """Two arms of C contrasts on n seeds: `lacking` are runs that failed or rates that the arm did not try.

    What is lacking has any finite value, which nothing reads.
    """

    validation_C2Tn: Floats
    outcome_C2Tn: Floats
    lacking_C2Tn: Booleans

    @property
    def behind_C2Tn(self) -> Booleans:
        """Which runs are lacking or fell far behind."""
        return find_behind(self.validation_C2Tn, self.lacking_C2Tn)

    def __len__(self) -> int:
        return len(self.outcome_C2Tn)

    def part(self, of: slice) -> "Curves":
        """Return some of the contrasts."""
        return Curves(self.validation_C2Tn[of], self.outcome_C2Tn[of], self.lacking_C2Tn[of])


def find_behind(validation_Tn: Floats, lacking_Tn: Booleans) -> Booleans:
    """Return which runs [..., T, n] are lacking, or below `BEHIND` of the best of their curve."""
    best_1n = np.where(lacking_Tn, -np.inf, validation_Tn).max(axis=-2, keepdims=True)
    return np.asarray(lacking_Tn | (validation_Tn < BEHIND * best_1n))


def number_folds(n: int) -> Integers:
    """Return the fold of each of n seeds, in order by turns."""
    return np.arange(n) % min(FOLDS, n)


def exchange_curves(curves: Curves, swap_Rn: Booleans) -> tuple[Reference, Floats]:
    """Return the reference of exchanged curves, and a's risk of failure minus b's in each exchange [C, R]."""
    parts = [_exchange(part, swap_Rn) for part in split_blocks(curves, len(swap_Rn))]
    statistic_CR, slope_CR, risk_CR = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    return Reference(statistic_CR, slope_CR), risk_CR


def split_blocks(curves: Curves, exchanges: int) -> Iterator[Curves]:
    """Yield the contrasts in blocks whose statistics fit the caches."""
    block = max(1, _BLOCK // exchanges)
    for start in range(0, len(curves), block):
        yield curves.part(slice(start, start + block))


def _exchange(curves: Curves, swap_Rn: Booleans) -> tuple[Floats, Floats, Floats]:
    """Return statistic, slope and difference of risks [C, R] of each exchange."""
    n, T = swap_Rn.shape[1], curves.outcome_C2Tn.shape[2]
    fails = bool(curves.lacking_C2Tn.any())
    swap_nR, fold_n = swap_Rn.T.astype(float), number_folds(n)
    trained_C2Tn = np.where(curves.lacking_C2Tn, 0.0, curves.validation_C2Tn)
    behind_C2Tn = curves.behind_C2Tn
    fewest = _find_fewest(behind_C2Tn, swap_nR) if behind_C2Tn.any() else None
    shape = (len(curves), len(swap_Rn))
    total_CR, pairs_CR, slope_CR, risk_CR = (np.zeros(shape) for _ in range(4))
    for fold in range(fold_n.max() + 1):
        chooses_n = (fold_n != fold) | (n == 1)
        lr_CR, other_CR = (
            _choose(trained_C2Tn, curves.lacking_C2Tn, swap_nR * chooses_n[:, None], chooses_n, side, fewest)
            for side in (0, 1)
        )
        for seed in np.flatnonzero(fold_n == fold).tolist():
            own_R = swap_Rn[:, seed] * T
            places = lr_CR + own_R, other_CR + (T - own_R)
            a_CR, b_CR = (look_up(curves.outcome_C2Tn[..., seed], place) for place in places)
            sign_R = 1.0 - 2.0 * swap_Rn[:, seed]
            if not fails:
                total_CR += a_CR - b_CR
                slope_CR += sign_R
                pairs_CR += 1
                continue
            lacks_a, lacks_b = (look_up(curves.lacking_C2Tn[..., seed], place) for place in places)
            both_CR = ~(lacks_a | lacks_b)
            total_CR += np.where(both_CR, a_CR - b_CR, 0.0)
            slope_CR += both_CR * sign_R
            pairs_CR += both_CR
            risk_CR += (lacks_a.astype(float) - lacks_b) / n
    known_CR, least_CR = pairs_CR > 0, np.maximum(pairs_CR, 1)
    return np.where(known_CR, total_CR / least_CR, np.nan), slope_CR / least_CR, risk_CR


def look_up(values_C2T: NDArray[Any], place_CR: Integers) -> NDArray[Any]:
    """Return the values at `place_CR`, the rates of a before those of b."""
    values_CT = values_C2T.reshape(len(values_C2T), -1)
    # Flat, because take_along_axis takes three times as long.
    return np.asarray(values_CT.ravel()[place_CR + values_CT.shape[1] * np.arange(len(values_CT))[:, None]])


def _mix(values_C2n: NDArray[Any], swap_nR: Floats, chooses_n: Booleans, side: int) -> Floats:
    """Return the sums [C, R] over the choosing seeds of what an exchange leaves on this side."""
    own_Cn, other_Cn = values_C2n[:, side].astype(float), values_C2n[:, 1 - side].astype(float)
    return np.asarray((own_Cn @ chooses_n.astype(float))[:, None] + (other_Cn - own_Cn) @ swap_nR)


def _find_fewest(behind_C2Tn: Booleans, swap_nR: Floats) -> list[list[Booleans]]:
    """Return by side and learning rate whether it is one at which an exchange leaves the fewest runs behind."""
    every_n = np.ones(behind_C2Tn.shape[3], dtype=bool)
    sides = []
    for side in (0, 1):
        counts = [np.rint(_mix(behind_C2Tn[:, :, t], swap_nR, every_n, side)) for t in range(behind_C2Tn.shape[2])]
        least_CR = np.minimum.reduce(counts)
        sides.append([count == least_CR for count in counts])
    return sides


def _choose(
    trained_C2Tn: Floats,
    lacking_C2Tn: Booleans,
    swap_nR: Floats,
    chooses_n: Booleans,
    side: int,
    fewest: list[list[Booleans]] | None,
) -> Integers:
    """Return the learning rate [C, R] with the best mean over the choosing seeds."""
    shape, fails = (len(trained_C2Tn), swap_nR.shape[1]), bool(lacking_C2Tn.any())
    best_CR, lr_CR = np.full(shape, -np.inf), np.zeros(shape, dtype=np.int64)
    for t in range(trained_C2Tn.shape[2]):
        score_CR = _mix(trained_C2Tn[:, :, t], swap_nR, chooses_n, side)
        if fails:
            score_CR = score_CR / np.maximum(_mix(~lacking_C2Tn[:, :, t], swap_nR, chooses_n, side), 0.5)
        if fewest is not None:
            score_CR = np.where(fewest[side][t], score_CR, -np.inf)
        better_CR = score_CR > best_CR
        np.copyto(best_CR, score_CR, where=better_CR)
        np.copyto(lr_CR, t, where=better_CR)
    return lr_CR
