"""Intervals, tests and sizes of effects: arrays in, arrays out, many contrasts at once.

Letters: `d_Kn` the differences a − b of K contrasts over n paired seeds; each function takes them to K results. A
result that cannot be had (an interval of one seed) is NaN. sd divides by n − 1.
"""

from typing import Any, Final

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray

LEVEL: Final = 0.95
"""Confidence level of every interval."""

ALPHA: Final = 0.05
"""Significance level of every test."""

MEANINGFUL: Final = 0.75
"""P(A > B) from which a difference is meaningful, as Bouthillier et al. 2021 recommend."""

ROUNDING: Final = 1e-12
"""Deviations below this part of the largest value are rounding: equal differences have no deviation."""

Floats = NDArray[np.float64]


def student(mean: ArrayLike, sd: ArrayLike, n: ArrayLike, level: float = LEVEL) -> tuple[Floats, Floats]:
    """Return the ends of the interval of a mean over n values: mean ± t · sd / √n; missing where n is 1.

    t is the (1 + level) / 2 quantile of Student's distribution with n − 1 degrees of freedom (Student 1908, "The
    probable error of a mean", Biometrika 6).
    """
    mean, sd, n = (np.asarray(array, dtype=float) for array in (mean, sd, n))
    half = scipy.stats.t.ppf((1 + level) / 2, n - 1) * sd / np.sqrt(n)
    return mean - half, mean + half


def deviation(d_Kn: Floats) -> Floats:
    """Return sd [K] = sqrt(Σ (d − mean)² / (n − 1)): NaN for one seed, 0 where the values differ by rounding only."""
    if d_Kn.shape[-1] < 2:
        return np.full(d_Kn.shape[:-1], np.nan)
    sd_K = np.asarray(d_Kn.std(axis=-1, ddof=1))
    return np.where(sd_K > ROUNDING * np.abs(d_Kn).max(axis=-1), sd_K, 0.0)


def effect_size(d_Kn: Floats) -> Floats:
    """Return d_z [K] = mean / sd of the paired differences (Cohen 1988, p. 48); NaN where they do not vary."""
    sd_K = deviation(d_Kn)
    return _ratio(d_Kn.mean(axis=-1), sd_K)


def correlation(a_Kn: Floats, b_Kn: Floats) -> Floats:
    """Return Pearson's r [K] = cov(a, b) / (sd_a · sd_b) over the seeds: what pairing bought.

    Var(a − b) = Var a + Var b − 2 r sd_a sd_b. NaN for fewer than three seeds and where an arm does not vary.
    """
    if a_Kn.shape[-1] < 3:
        return np.full(a_Kn.shape[:-1], np.nan)
    product_K = deviation(a_Kn) * deviation(b_Kn)
    centred = (a_Kn - a_Kn.mean(axis=-1, keepdims=True)) * (b_Kn - b_Kn.mean(axis=-1, keepdims=True))
    covariance_K = centred.sum(axis=-1) / (a_Kn.shape[-1] - 1)
    return _ratio(covariance_K, product_K)


def superiority(d_Kn: Floats) -> Floats:
    """Return P(A > B) [K] = mean of 1[d > 0] + 1[d = 0] / 2 over the seeds (Bouthillier et al. 2021, MLSys, eq. 8)."""
    return np.asarray((d_Kn > 0).mean(axis=-1) + (d_Kn == 0).mean(axis=-1) / 2)


def wilson(share: ArrayLike, n: ArrayLike, level: float = LEVEL) -> tuple[Floats, Floats]:
    """Return the ends of the interval of a probability of which `share` was seen in n trials.

    (p + z²/2n ± z · sqrt(p(1 − p)/n + z²/4n²)) / (1 + z²/n), z the (1 + level)/2 quantile of the normal distribution
    (Wilson 1927, "Probable inference", JASA 22). Ties, counted by halves, make it a little too wide.
    """
    p, n = np.asarray(share, dtype=float), np.asarray(n, dtype=float)
    z2 = float(scipy.stats.norm.ppf((1 + level) / 2)) ** 2
    half = np.sqrt(z2) * np.sqrt(p * (1 - p) / n + z2 / (4 * n**2))
    centre, scale = p + z2 / (2 * n), 1 + z2 / n
    return np.clip((centre - half) / scale, 0, 1), np.clip((centre + half) / scale, 0, 1)


def meaningful(probability: ArrayLike, low: ArrayLike, high: ArrayLike) -> NDArray[Any]:
    """Return the verdict on P(A > B) with its interval, in words, the same whichever of the two is called A.

    Significant if the interval leaves out 1/2, and then meaningful if the better of the two wins with a probability
    above `MEANINGFUL`. Bouthillier et al. 2021, sec. 4.2, ask only that the interval's upper end be above it.
    """
    p, low, high = (np.asarray(array, dtype=float) for array in (probability, low, high))
    significant = (low > 0.5) | (high < 0.5)
    size = np.where(np.maximum(p, 1 - p) > MEANINGFUL, "significant and meaningful", "significant, not meaningful")
    return np.where(significant, size, "not significant")


def equivalence(d_Kn: Floats, margin: float) -> Floats:
    """Return p [K] of two one-sided paired t tests (TOST) against "the mean difference is ±`margin` or beyond".

    p = max(P(T > (mean + margin)/se), P(T < (mean − margin)/se)), T Student with n − 1 degrees of freedom, se = sd/√n
    (Schuirmann 1987, J. Pharmacokinetics and Biopharmaceutics 15). p ≤ 0.05 just where the 90 % interval lies inside
    ±margin. NaN for one seed; differences that do not vary decide by their value.
    """
    n, mean_K, sd_K = d_Kn.shape[-1], d_Kn.mean(axis=-1), deviation(d_Kn)
    se_K = np.where(sd_K > 0, sd_K, 1.0) / np.sqrt(n)
    outside_K = np.abs(mean_K) - margin
    p_K = np.asarray(scipy.stats.t.cdf(outside_K / se_K, n - 1), dtype=float)
    return np.where(sd_K == 0, np.where(outside_K < 0, 0.0, 1.0), np.where(np.isnan(sd_K), np.nan, p_K))


def holm(p_K: ArrayLike) -> Floats:
    """Return the adjusted p values of a family of K tests: sorted, p̃_(i) = max over j ≤ i of min(1, (K − j + 1) p_(j)).

    Holm 1979, "A simple sequentially rejective multiple test procedure", Scandinavian J. of Statistics 6. A missing p
    belongs to a test that cannot reject: it counts as 1 in the family and stays missing.
    """
    p = np.asarray(p_K, dtype=float)
    order = np.argsort(np.where(np.isnan(p), 1.0, p), kind="stable")
    factors = np.arange(len(p), 0, -1)
    adjusted = np.empty(len(p))
    adjusted[order] = np.minimum(1, np.maximum.accumulate(factors * np.where(np.isnan(p), 1.0, p)[order]))
    return np.where(np.isnan(p), np.nan, adjusted)


def moments(values_KS: Floats) -> tuple[Floats, Floats, NDArray[np.int64]]:
    """Return mean, sd and number [K] of the values that are not missing."""
    present_KS = ~np.isnan(values_KS)
    n_K = present_KS.sum(axis=-1)
    mean_K = np.where(n_K > 0, np.where(present_KS, values_KS, 0.0).sum(axis=-1) / np.maximum(n_K, 1), np.nan)
    squares_K = np.where(present_KS, (values_KS - mean_K[..., None]) ** 2, 0.0).sum(axis=-1)
    return mean_K, np.where(n_K > 1, np.sqrt(squares_K / np.maximum(n_K - 1, 1)), np.nan), n_K


def restrict_times(time_KS: Floats, horizon_K: Floats) -> Floats:
    """Return min(T, τ) [K, S] for times T, infinite where the end was not reached, and the horizon τ of the followed.

    Its mean is the restricted mean survival time ∫₀^τ S(t) dt, S the share not there by t, because all are followed to
    the horizon and nothing is censored before it (Royston & Parmar 2013, BMC Med. Res. Methodology 13).
    """
    return np.minimum(time_KS, horizon_K[..., None])


def _ratio(over: Floats, under: Floats) -> Floats:
    """Return `over` / `under`, NaN where that is not above 0."""
    return np.where(under > 0, over / np.where(under > 0, under, 1.0), np.nan)
