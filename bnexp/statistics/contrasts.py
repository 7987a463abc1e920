"""The numbers of many contrasts at once: two arms over the seeds that both have.

Letters: `a_CS`, `b_CS` a metric of the two arms of C contrasts on S seeds, NaN where an arm has no run.
"""

from collections.abc import Callable
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bnexp.statistics import intervals_and_tests
from bnexp.statistics.intervals_and_tests import ALPHA, Floats
from bnexp.statistics.power import smallest_n
from bnexp.statistics.resampling import bootstrap

Booleans = NDArray[np.bool_]

MANY: Final = 20
"""Fewest pairs with which the bootstrap interval is given: at n = 10 it covers the truth in 90 of 100 cases only."""


def count_pairs(a_CS: Floats, b_CS: Floats) -> "pd.Series[int]":
    """Return the number of seeds [C] that both arms have."""
    return pd.Series((~np.isnan(a_CS) & ~np.isnan(b_CS)).sum(axis=1), name="n")


def measure_effects(a_CS: Floats, b_CS: Floats, margin: float) -> pd.DataFrame:
    """Return what an effect measures, a row per contrast; all but `n` is missing where no seed is shared.

    Columns: `n`, `mean_a`, `mean_b`, `mean` of a − b with `low`, `high`; `bootstrap_low`, `bootstrap_high` (from `MANY`
    pairs on); `correlation`; `d_z`; `probability` P(a > b) with `probability_low`, `probability_high`;
    `p_equivalence` at ±`margin` with the interval that it stands for, `equivalence_low`, `equivalence_high` (90 %), and
    `equivalent`.
    """
    rows = _over_pairs(a_CS, b_CS, lambda a, b: _estimate_pairs(a, b, margin))
    rows.insert(0, "n", count_pairs(a_CS, b_CS))
    return rows.assign(equivalent=rows["p_equivalence"] <= ALPHA)


def withhold_equivalence(rows: pd.DataFrame, learned_C: Booleans) -> pd.DataFrame:
    """Return `rows` of `measure_effects` without a test of equivalence where neither arm learned.

    Two arms that are stuck at chance are equal by convention: that they are is no finding.
    """
    return rows.assign(
        p_equivalence=rows["p_equivalence"].where(learned_C), equivalent=rows["equivalent"].to_numpy() & learned_C
    )


def judge_meaningful(rows: pd.DataFrame, learned_C: Booleans) -> NDArray[Any]:
    """Return `meaningful` of each contrast: not significant with fewer seeds than one test needs, or if no arm learned.

    Wilson's interval at n = 5 would call five wins of five significant, whose exact p is 0.0625.
    """
    words = intervals_and_tests.meaningful(rows["probability"], rows["probability_low"], rows["probability_high"])
    return np.where((rows["n"] >= smallest_n()) & learned_C, words, "not significant")


def _over_pairs(a_CS: Floats, b_CS: Floats, estimate: Callable[[Floats, Floats], pd.DataFrame]) -> pd.DataFrame:
    """Return the rows that `estimate` gives for dense arrays [C, n]: contrasts with equally many pairs at once."""
    paired_CS = ~np.isnan(a_CS) & ~np.isnan(b_CS)
    order_CS = np.argsort(~paired_CS, axis=1, kind="stable")
    a_CS, b_CS = (np.take_along_axis(values, order_CS, axis=1) for values in (a_CS, b_CS))
    n_C = paired_CS.sum(axis=1)
    parts = [estimate(np.ones((0, 2)), np.ones((0, 2)))]  # for the columns
    for n in np.unique(n_C[n_C > 0]):
        chosen = np.flatnonzero(n_C == n)
        parts.append(estimate(a_CS[chosen, :n], b_CS[chosen, :n]).set_axis(chosen))
    return pd.concat(parts[1:] or parts).reindex(range(len(n_C)))


def _estimate_pairs(a_Cn: Floats, b_Cn: Floats, margin: float) -> pd.DataFrame:
    d_Cn, n = a_Cn - b_Cn, a_Cn.shape[1]
    mean_C, sd_C, probability_C = (
        d_Cn.mean(axis=1),
        intervals_and_tests.deviation(d_Cn),
        intervals_and_tests.superiority(d_Cn),
    )
    low_C, high_C = intervals_and_tests.student(mean_C, sd_C, n)
    missing = np.full(len(d_Cn), np.nan)
    bootstrap_low_C, bootstrap_high_C = bootstrap(d_Cn) if n >= MANY else (missing, missing)
    probability_low_C, probability_high_C = intervals_and_tests.wilson(probability_C, n)
    inside_low_C, inside_high_C = intervals_and_tests.student(mean_C, sd_C, n, 1 - 2 * ALPHA)
    return pd.DataFrame(
        {
            "mean_a": a_Cn.mean(axis=1),
            "mean_b": b_Cn.mean(axis=1),
            "mean": mean_C,
            "low": low_C,
            "high": high_C,
            "bootstrap_low": bootstrap_low_C,
            "bootstrap_high": bootstrap_high_C,
            "correlation": intervals_and_tests.correlation(a_Cn, b_Cn),
            "d_z": intervals_and_tests.effect_size(d_Cn),
            "probability": probability_C,
            "probability_low": probability_low_C,
            "probability_high": probability_high_C,
            "p_equivalence": intervals_and_tests.equivalence(d_Cn, margin),
            "equivalence_low": inside_low_C,
            "equivalence_high": inside_high_C,
        }
    )
