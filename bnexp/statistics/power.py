"""How many seeds a claim needs."""

from typing import Final

import numpy as np
import scipy
from numpy.typing import ArrayLike

from bnexp.statistics.intervals_and_tests import ALPHA, Floats
from bnexp.statistics.resampling import smallest_p

POWER: Final = 0.8
"""Probability of finding an effect that is there, for which the seeds are counted (Cohen 1988, p. 56)."""

MOST: Final = 100_000
"""Most seeds that are said to be needed; beyond, the effect is nothing that seeds can show."""


def smallest_n(factor: int = 1) -> int:
    """Return the least n with which a contrast can be significant: 6, alone or in a family of any size.

    p is never below 2/2ⁿ. Nor is the family's by the maximum: a contrast whose differences are all alike has the
    largest statistic of all, divided by its root mean square, that n seeds can have, and only itself reaches it. Where
    the smallest p of a family is multiplied by a `factor`, as by Holm, more are needed.
    """
    return next((n for n in range(2, 64) if factor * smallest_p(n) <= ALPHA), MOST)


def power(n: ArrayLike, d_z: ArrayLike, alpha: ArrayLike = ALPHA) -> Floats:
    """Return the power of the two-sided paired t test at level `alpha` for n pairs with effect size `d_z`.

    P(|T| > t), t the 1 − alpha/2 quantile of Student's distribution with n − 1 degrees of freedom, T noncentral t with
    as many degrees and noncentrality d_z √n (Cohen 1988, ch. 2; Johnson & Welch 1940).
    """
    n, d_z = np.asarray(n, dtype=float), np.abs(np.asarray(d_z, dtype=float))
    # Beyond a noncentrality of 30 scipy loses its digits; the power there is 1 (0.97 at n = 2, alpha = 0.05).
    t, shift = scipy.stats.t.ppf(1 - np.asarray(alpha) / 2, n - 1), np.minimum(d_z * np.sqrt(n), 30)
    # The far tail, below 1e-80 where the shift is large, comes back as NaN from scipy 1.17.
    return np.asarray(scipy.stats.nct.sf(t, n - 1, shift) + np.nan_to_num(scipy.stats.nct.cdf(-t, n - 1, shift)))


def seeds_needed(d_z: ArrayLike, alpha: ArrayLike = ALPHA, least: float = POWER) -> Floats:
    """Return the least n in all with which `power` is at least `least`, NaN where that is above `MOST` or d_z unknown.

    Found by bisection, because the power grows with n.
    """
    d_z, alpha = np.broadcast_arrays(np.asarray(d_z, dtype=float), np.asarray(alpha, dtype=float))
    known = np.isfinite(d_z) & (d_z != 0)
    if not known.any():
        return np.full(d_z.shape, np.nan)
    size = np.where(known, d_z, 1.0)
    low, high = np.full(d_z.shape, 1), np.full(d_z.shape, MOST)  # power(low) < least <= power(high), if at all
    for _ in range(MOST.bit_length()):
        middle = (low + high) // 2
        enough = power(np.maximum(middle, 2), size, alpha) >= least
        low, high = np.where(enough, low, middle), np.where(enough, middle, high)
    return np.where(known & (high < MOST), np.maximum(high, 2), np.nan).astype(float)
