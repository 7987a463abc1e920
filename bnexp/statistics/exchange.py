"""Tests and intervals from a reference of statistics under exchanges of signs: arrays in, arrays out.

Letters: `C` contrasts, `R` exchanges of which the first changes nothing, `S` seeds, `B` families of `M` contrasts.

Under "the difference is θ" the statistic of exchange r is x_r − c_r θ, c_r the mean sign of r, and the observed one is
t − θ. Hence |x_r − c_r θ| ≥ |t − θ| just for θ between (t − x_r)/(1 − c_r) and (t + x_r)/(1 + c_r): each exchange
counts on an interval around t, p(θ) falls to both sides of t, and the θ with p(θ) > α are an interval whose ends are
order statistics of those ends. Test and interval are one thing: 0 lies outside just where p ≤ α.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bnexp.statistics.intervals_and_tests import ALPHA, Floats

Booleans = NDArray[np.bool_]

EXACT: Final = 14
"""Most seeds for which all exchanges are taken: 2ⁿ⁻¹ = 8,192, as one and its opposite are alike."""

DRAWS: Final = 9_999
"""Exchanges drawn where there are too many for all: an estimated p of 0.05 then has a standard error of 0.002."""

_SEED: Final = 0
_ROUNDING: Final = 1e-9


@dataclass(frozen=True)
class Reference:
    """Statistics x of R exchanges of C contrasts at θ = 0, and their `slope` c in θ; the first are the observed ones.

    An exchange whose statistic is not known is NaN: it counts against the contrast, whatever θ.
    """

    statistic_CR: Floats
    slope_CR: Floats

    @property
    def observed_C(self) -> Floats:
        """The statistic without an exchange."""
        return np.asarray(self.statistic_CR[:, 0])

    @cached_property
    def ends_2CR(self) -> tuple[Floats, Floats]:
        """Between which θ [C, R] each exchange counts: everywhere for the first and for one that is not known."""
        x_CR, c_CR, t_C1 = self.statistic_CR, self.slope_CR, self.observed_C[:, None]
        open_CR = np.isnan(x_CR) | (1 - np.abs(c_CR) < _ROUNDING)
        c_CR = np.where(open_CR, 0.0, c_CR)
        one_CR, other_CR = (t_C1 - x_CR) / (1 - c_CR), (t_C1 + x_CR) / (1 + c_CR)
        low_CR, high_CR = np.minimum(one_CR, other_CR), np.maximum(one_CR, other_CR)
        return np.where(open_CR, -np.inf, low_CR), np.where(open_CR, np.inf, high_CR)


def draw_swaps(seeds: int, draws: int = DRAWS) -> Booleans:
    """Return which seeds each exchange changes [R, S]: all of them for S ≤ `EXACT`, else `draws`; the first none.

    The first one is of the reference: with drawn ones p is (1 + count) / (1 + draws) (Phipson & Smyth 2010).
    """
    if seeds <= EXACT:
        return (np.arange(2 ** max(seeds - 1, 0))[:, None] >> np.arange(seeds) & 1).astype(bool)
    drawn = np.random.default_rng(_SEED).random((draws, seeds)) < 0.5
    return np.concatenate([np.zeros((1, seeds), dtype=bool), drawn])


def find_p(reference: Reference, theta: float = 0.0) -> Floats:
    """Return the two-sided p [C] of "the difference is `theta`": the share of exchanges with a statistic as large."""
    low_CR, high_CR = reference.ends_2CR
    slack_C1 = _ROUNDING * np.nanmax(np.abs(reference.statistic_CR), axis=1, keepdims=True, initial=0.0)
    return np.asarray(((low_CR <= theta + slack_C1) & (theta - slack_C1 <= high_CR)).mean(axis=1))


def find_interval(reference: Reference, alpha: float = ALPHA) -> tuple[Floats, Floats]:
    """Return the ends [C] of the θ with p above `alpha`, infinite where so few exchanges cannot exclude any."""
    low_CR, high_CR = reference.ends_2CR
    most = int(alpha * low_CR.shape[1] + _ROUNDING)  # exchanges that may count at a θ which is excluded
    if most == 0:
        return np.full(len(low_CR), -np.inf), np.full(len(low_CR), np.inf)
    low_C = np.partition(low_CR, most, axis=1)[:, most]
    high_C = -np.partition(-high_CR, most, axis=1)[:, most]
    return low_C, high_C


def find_equivalence(reference: Reference, margin: float) -> Floats:
    """Return p [C] of two one-sided tests against "the difference is ±`margin` or beyond".

    A one-sided p is half of a two-sided one, as an exchange and its opposite differ by the sign; p ≤ 0.05 just where
    the 90 % interval of `find_interval` lies inside ±margin (Schuirmann 1987).
    """
    t_C = reference.observed_C
    upper_C, lower_C = find_p(reference, margin) / 2, find_p(reference, -margin) / 2
    return np.maximum(np.where(t_C < margin, upper_C, 1 - upper_C), np.where(t_C > -margin, lower_C, 1 - lower_C))


def adjust_family(statistic_BMR: Floats) -> Floats:
    """Return the adjusted p [B, M] of families by the step-down maximum over their contrasts; NaN in is NaN out.

    Each statistic is divided by its root mean square over the exchanges, so that contrasts of all variances are alike.
    From the largest observed one down, p is the share of exchanges whose largest statistic among this and the smaller
    ones is as large (Westfall & Young 1993, "Resampling-based multiple testing", sec. 2.6; Romano & Wolf 2005, JASA
    100). The same exchanges go through all contrasts, so their correlation is used.
    """
    missing_BM = np.isnan(statistic_BMR[:, :, 0])
    known_BMR = np.where(missing_BM[:, :, None], 0.0, np.abs(statistic_BMR))
    unknown_BMR = np.isnan(known_BMR)
    scale_BM1 = np.sqrt(np.nanmean(known_BMR**2, axis=2, keepdims=True))
    t_BMR = np.where(unknown_BMR, np.inf, known_BMR / np.where(scale_BM1 > 0, scale_BM1, 1.0))
    order_BM = np.argsort(-t_BMR[:, :, 0], axis=1, kind="stable")
    sorted_BMR = np.take_along_axis(t_BMR, order_BM[:, :, None], axis=1)
    largest_BMR = np.maximum.accumulate(sorted_BMR[:, ::-1], axis=1)[:, ::-1]
    p_BM = (largest_BMR >= sorted_BMR[:, :, :1] * (1 - _ROUNDING)).mean(axis=2)
    adjusted_BM = np.empty(p_BM.shape)
    np.put_along_axis(adjusted_BM, order_BM, np.maximum.accumulate(p_BM, axis=1), axis=1)
    return np.where(missing_BM, np.nan, adjusted_BM)
