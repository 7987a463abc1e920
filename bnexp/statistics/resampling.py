"""Tests and intervals that draw the data again instead of assuming its distribution; seeded, so equal if repeated.

Letters as in `intervals_and_tests`: `d_Kn` the differences of K contrasts over n paired seeds.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
import scipy

from bnexp.statistics.intervals_and_tests import LEVEL, Floats

EXACT: Final = 16
"""Most seeds for which all 2ⁿ sign flips are taken: 65,536; beyond, `DRAWS` of them are drawn."""

DRAWS: Final = 99_999
"""Sign flips drawn where there are too many for all: an estimated p of 0.05 then has a standard error of 0.0007."""

RESAMPLES: Final = 9_999
"""Resamples of the bootstrap over pairs."""

TRIM: Final = 0.25
"""Share that the interquartile mean leaves out on either side."""

ENSEMBLES: Final = 2_000
"""Resamples of the stratified bootstrap, as many as in Agarwal et al. 2021, fig. 9."""

_SEED: Final = 0
_MEMORY: Final = 2**22
"""Numbers of one block of resamples (32 MiB)."""


def sign_flip(d_Kn: Floats, draws: int = DRAWS) -> Floats:
    """Return p [K] of the test whether differences are symmetric about 0: the share of sign flips with |Σ ±d| ≥ |Σ d|.

    All 2ⁿ flips for n ≤ `EXACT`; else (1 + count) / (1 + draws) over drawn ones (Phipson & Smyth 2010), so that p is
    never 0. Fisher 1935, "The design of experiments", sec. 21; scipy.stats.permutation_test(permutation_type="samples")
    gives the same for n ≤ `EXACT`. Missing for n < 2.
    """
    K, n = d_Kn.shape
    if n < 2:
        return np.full(K, np.nan)
    if n <= EXACT:  # of a flip and its opposite, whose sums differ by the sign, one is enough
        flips = np.arange(2 ** (n - 1))[:, None] >> np.arange(n) & 1
        signs = 1.0 - 2.0 * flips
    else:
        signs = np.random.default_rng(_SEED).choice([-1.0, 1.0], size=(draws, n))
    seen_K = np.abs(d_Kn.sum(axis=1))
    # Sums that are equal but for rounding count as equal, as in scipy.
    least_K = seen_K - 1e-12 * np.abs(d_Kn).sum(axis=1)
    count_K = np.empty(K)
    block = max(1, _MEMORY // len(signs))
    for start in range(0, K, block):
        part = slice(start, start + block)
        count_K[part] = (np.abs(d_Kn[part] @ signs.T) >= least_K[part, None]).sum(axis=1)
    return count_K / len(signs) if n <= EXACT else (1 + count_K) / (1 + draws)


def smallest_p(n: int) -> float:
    """Return the smallest p that `sign_flip` can give for n seeds: 2/2ⁿ, or 1/(1 + draws) if that is more."""
    return 2.0 ** (1 - n) if n <= EXACT else max(2.0 ** (1 - n), 1 / (1 + DRAWS))


def bootstrap(d_Kn: Floats) -> tuple[Floats, Floats]:
    """Return the ends [K] of the BCa bootstrap interval of the mean over pairs.

    Efron 1987, "Better bootstrap confidence intervals", JASA 82, by scipy.stats.bootstrap. At n = 10 bootstrap
    intervals cover too rarely: ask from n = 20 on. Differences that do not vary have an interval without length.
    """
    low_K, high_K = d_Kn.mean(axis=1), d_Kn.mean(axis=1)
    varies_K = np.ptp(d_Kn, axis=1) > 0
    if varies_K.any():
        interval = scipy.stats.bootstrap(
            (d_Kn[varies_K],),
            np.mean,
            axis=-1,
            n_resamples=RESAMPLES,
            batch=max(1, _MEMORY // d_Kn[varies_K].size),
            confidence_level=LEVEL,
            method="BCa",
            rng=np.random.default_rng(_SEED),
        ).confidence_interval
        low_K[varies_K], high_K[varies_K] = interval.low, interval.high
    return low_K, high_K


def interquartile_mean(values: Floats) -> Floats:
    """Return the mean of the middle half along the last axis: a quarter (rounded down) is left out on either side.

    Agarwal et al. 2021, "Deep reinforcement learning at the edge of the statistical precipice", NeurIPS, sec. 4.3.
    """
    return np.asarray(scipy.stats.trim_mean(values, TRIM, axis=-1))


def stratified_bootstrap(strata: Sequence[Floats]) -> tuple[float, float]:
    """Return the ends of the percentile interval of the interquartile mean over all values of `strata`.

    Each resample draws, within each stratum on its own, as many values as it holds (Agarwal et al. 2021, sec. 4.1).
    """
    rng = np.random.default_rng(_SEED)
    total, block = sum(len(values) for values in strata), []
    rows = max(1, _MEMORY // total)
    for start in range(0, ENSEMBLES, rows):
        count = min(rows, ENSEMBLES - start)
        drawn = [values[rng.integers(0, len(values), (count, len(values)))] for values in strata]
        block.append(interquartile_mean(np.concatenate(drawn, axis=1)))
    low, high = np.quantile(np.concatenate(block), [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)
