"""Two sources of chance: other trainings, and other test examples.

Letters: `C` contrasts, `S` seeds, `N` test examples; `d_SN` is by how much a is right where b is not, for a seed and an
example: −1, 0 or 1, and between them where an arm diverged, which counts at chance on every example.

Seeds and examples are crossed: d_sn = μ + α_s + β_n + γ_sn, with variances σ²_α, σ²_β and σ²_γ. The mean over both has

    Var = σ²_α/S + σ²_β/N + σ²_γ/(S·N)

over fresh seeds and fresh examples. An interval over the seeds alone, on one test set, holds σ²_β/N for nothing: it is
about other trainings that are judged by the same examples. With the mean squares of the crossed layout (Henderson 1953,
Biometrics 9; Searle, Casella & McCulloch 1992, "Variance components", ch. 4),

    se²_seeds    = Σ (d_s· − d··)² / (S (S − 1))         E = σ²_α/S + σ²_γ/(S·N)
    se²_examples = Σ (d_·n − d··)² / (N (N − 1))         E = σ²_β/N + σ²_γ/(S·N)
    se²_rest     = Σ (d_sn − d_s· − d_·n + d··)² / ((S − 1)(N − 1) S·N)      E = σ²_γ/(S·N)

so that σ²_β/N is estimated by max(0, se²_examples − se²_rest). For one seed N²·se²_examples is McNemar's b + c −
(b − c)²/N, up to N/(N − 1) (McNemar 1947, Psychometrika 12; b and c examples that only one arm predicts correctly).
"""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import pandas as pd
import scipy
from numpy.typing import NDArray

from bnexp.statistics.intervals_and_tests import ALPHA, LEVEL, ROUNDING, Floats
from bnexp.store.store import unpack_correct

METRIC: Final = "test_accuracy"
"""What correct predictions are the mean of; another metric has no examples here."""

COLUMNS: Final = ("se_seeds", "se_examples", "crossed_low", "crossed_high", "crossed_equivalent", "test_examples")

PLACES: Final = 10_000
"""Margins are multiples of 0.01 points: more digits say nothing."""


def measure_errors(d_SN: Floats) -> tuple[float, float, float]:
    """Return the standard errors of the mean of `d_SN`: over seeds, over examples, and of σ²_β/N alone.

    The first is missing for one seed, and so is the last; all are 0 where values differ by rounding only.
    """
    seeds, examples = d_SN.shape
    d_S, d_N, mean = d_SN.mean(axis=1), d_SN.mean(axis=0), d_SN.mean()
    squares_S, squares_N = np.square(d_S - mean).sum(), np.square(d_N - mean).sum()
    # Σ over all cells less what rows and columns explain: no [S, N] array of residuals is made.
    squares = np.square(d_SN).sum() - seeds * examples * mean**2 - examples * squares_S - seeds * squares_N
    var_seeds = squares_S / (seeds * (seeds - 1)) if seeds > 1 else np.nan
    var_examples = squares_N / (examples * (examples - 1)) if examples > 1 else np.nan
    freedom = (seeds - 1) * (examples - 1)
    var_rest = max(squares, 0.0) / (freedom * seeds * examples) if freedom else np.nan
    added = max(var_examples - var_rest, 0.0) if freedom else np.nan
    least = ROUNDING * np.abs(d_SN).max(initial=0.0)
    errors = (float(np.sqrt(variance)) for variance in (var_seeds, var_examples, added))
    over_seeds, over_examples, beyond = (0.0 if error < least else error for error in errors)
    return over_seeds, over_examples, beyond


def widen(
    mean: float, over_seeds: tuple[float, float], error: float, level: float, examples: int
) -> tuple[float, float]:
    """Return the ends over seeds and examples of an interval of `mean` whose ends `over_seeds` are given.

    Half-widths add as squares, h² = h²_seeds + (t · error)², with t for N − 1 degrees of freedom and `error` the
    standard error σ_β/√N (Howe 1974, JASA 69, "Approximate confidence limits on the mean of X + Y"): no degrees of
    freedom have to be estimated, the interval is never the narrower one, and any interval over seeds may be given.
    `docs/two-sources-of-chance.md` has what it covers, and what other rules do.
    """
    added, (low, high) = scipy.stats.t.ppf((1 + level) / 2, examples - 1) * error, over_seeds
    return float(mean - np.hypot(mean - low, added)), float(mean + np.hypot(high - mean, added))


def add_examples(effects: pd.DataFrame, runs: pd.DataFrame, sides: tuple[Floats, Floats]) -> pd.DataFrame:
    """Return `effects`, rows with `metric`, `margin`, `mean` and its intervals over seeds, with `COLUMNS` added.

    `sides` say in which row of `runs` the run of a and of b stands, [C, S], −1 or NaN for none. Where the runs have no
    `test_correct`, the columns are missing; so they are where two runs are tested on different data, or for another
    metric. `crossed_equivalent`: the interval for which two one-sided tests stand, widened, lies inside the margin.
    """
    a_CS, b_CS = (np.nan_to_num(side, nan=-1).astype(np.int64) for side in sides)
    rows = []
    for row, a_S, b_S in zip(effects.to_dict("records"), a_CS, b_CS, strict=True):
        both_S = (a_S >= 0) & (b_S >= 0)
        d_SN = _find_differences(runs, a_S[both_S], b_S[both_S]) if row["metric"] == METRIC else None
        rows.append((np.nan, np.nan, np.nan, np.nan, False, np.nan) if d_SN is None else _measure(row, d_SN))
    return effects.join(pd.DataFrame(rows, effects.index, list(COLUMNS)))


def choose_margin(effects: pd.DataFrame, least: float) -> float:
    """Return the margin for which the test set is large enough, at least `least`, from rows that `add_examples` gave.

    It is the largest standard error over examples of the contrasts that the test set does not decide: a difference
    below it may be that of the examples. Where the interval over both leaves out 0, the margin says nothing anyway.
    """
    open_C = (effects["crossed_low"] <= 0) & (effects["crossed_high"] >= 0)
    error = effects.loc[open_C, "se_examples"].max()
    return least if np.isnan(error) else max(least, float(np.ceil(error * PLACES - ROUNDING) / PLACES))


def _measure(row: Mapping[Any, Any], d_SN: Floats) -> tuple[float, float, float, float, bool, int]:
    """Return the values of `COLUMNS` of one contrast, whose numbers over seeds are in `row`."""
    over_seeds, over_examples, beyond = measure_errors(d_SN)
    examples, mean = d_SN.shape[1], row["mean"]
    low, high = widen(mean, (row["low"], row["high"]), beyond, LEVEL, examples)
    tested = (row["equivalence_low"], row["equivalence_high"])
    inside = max(map(abs, widen(mean, tested, beyond, 1 - 2 * ALPHA, examples))) < row["margin"]
    return over_seeds, over_examples, low, high, inside, examples


def _find_differences(runs: pd.DataFrame, a_S: NDArray[np.int64], b_S: NDArray[np.int64]) -> Floats | None:
    """Return the differences [S, N] of the runs in these rows, None if not all that learned to the end have bits."""
    if "test_correct" not in runs or not len(a_S):
        return None
    sides = [runs.iloc[rows] for rows in (a_S, b_S)]
    tested = pd.concat(sides)
    lacking = (tested["test_correct"].isna() & ~tested["diverged"]).any()
    if lacking or len(tested[["data", "test_examples"]].drop_duplicates()) > 1:
        return None
    a_SN, b_SN = (_unpack(side, int(tested["test_examples"].iloc[0])) for side in sides)
    return a_SN - b_SN


def _unpack(rows: pd.DataFrame, examples: int) -> Floats:
    """Return how far each of N examples is predicted correctly [S, N]: 1 or 0, of a diverged run the chance of it."""
    nothing = bytes((examples + 7) // 8)
    correct_SN = unpack_correct([nothing if bits is None else bits for bits in rows["test_correct"]], examples)
    return np.where(rows["diverged"].to_numpy()[:, None], rows["chance"].to_numpy()[:, None], correct_SN)
