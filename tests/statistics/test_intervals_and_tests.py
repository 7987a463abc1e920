"""Intervals, tests and sizes: against closed forms, scipy, and cases computed by hand."""

import math

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from bnexp.statistics import exchange, intervals_and_tests, resampling
from bnexp.statistics.power import power, seeds_needed, smallest_n


def normal(mean: float, sd: float, size: int | tuple[int, ...]) -> NDArray[np.float64]:
    return np.random.default_rng(0).normal(mean, sd, size)


def test_holm_adjusts_as_by_hand() -> None:
    assert intervals_and_tests.holm([0.01, 0.02, 0.03, 0.04]) == pytest.approx([0.04, 0.06, 0.06, 0.06])
    assert intervals_and_tests.holm([0.03, 0.9, 0.01]) == pytest.approx([0.06, 0.9, 0.03])


def test_holm_counts_a_test_without_p_as_one_that_cannot_reject() -> None:
    assert intervals_and_tests.holm([0.01, math.nan, 0.02]) == pytest.approx([0.03, math.nan, 0.04], nan_ok=True)


@pytest.mark.parametrize("n", [2, 3, 6, 11])
def test_the_sign_flip_test_is_scipys(n: int) -> None:
    d = normal(0.5, 1, size=(6, n))
    d[1] = np.round(d[1])  # sums that are equal
    d[2, 0] = 0
    d[3] = 0.1  # equal but for rounding
    expected = [
        stats.permutation_test((row,), np.mean, permutation_type="samples", n_resamples=np.inf).pvalue for row in d
    ]
    assert resampling.sign_flip(d) == pytest.approx(expected)
    assert resampling.sign_flip(d)[3] == resampling.smallest_p(n) == 2 / 2**n


def test_drawn_sign_flips_come_near_to_the_sign_test_where_all_differences_are_as_large() -> None:
    n = resampling.EXACT + 1
    wins = np.array([9, 12, 14])
    d = np.where(np.arange(n) < wins[:, None], 0.3, -0.3)
    expected = [stats.binomtest(k, n).pvalue for k in wins]
    assert resampling.sign_flip(d) == pytest.approx(expected, abs=0.006)  # four standard errors at p = 0.5


def test_the_p_of_drawn_sign_flips_is_never_0() -> None:
    assert resampling.sign_flip(np.ones((1, 60))) == 1 / (1 + resampling.DRAWS) == resampling.smallest_p(60)


def test_one_seed_has_no_p() -> None:
    assert np.isnan(resampling.sign_flip(np.ones((2, 1)))).all()


def test_six_seeds_are_the_fewest_with_which_a_contrast_can_be_significant_in_a_family_of_any_size() -> None:
    assert smallest_n() == 6
    swap_Rn = exchange.draw_swaps(6)
    for contrasts in (1, 3, 84):
        d_Cn = normal(0, 1, (contrasts, 6))
        d_Cn[0] = 1.0  # as clear as six seeds can be
        p = exchange.adjust_family((d_Cn @ np.where(swap_Rn, -1.0, 1.0).T)[None])[0]
        assert p[0] == 2 / 2**6 <= 0.05 < 2 / 2**5


def test_the_effect_size_and_the_correlation_are_those_of_the_textbook() -> None:
    a, b = normal(0, 1, (2, 4, 7))
    d = a - b
    assert intervals_and_tests.effect_size(d) == pytest.approx(stats.ttest_1samp(d, 0, axis=1).statistic / math.sqrt(7))
    assert intervals_and_tests.correlation(a, b) == pytest.approx(
        [np.corrcoef(x, y)[0, 1] for x, y in zip(a, b, strict=True)]
    )


def test_differences_that_vary_by_rounding_only_have_no_deviation_and_no_effect_size() -> None:
    d = np.array([[0.93 - 0.9, 0.94 - 0.91, 0.95 - 0.92]])
    assert np.ptp(d) > 0
    assert intervals_and_tests.deviation(d) == 0
    assert np.isnan(intervals_and_tests.effect_size(d))
    assert np.isnan(intervals_and_tests.correlation(np.ones((1, 3)), d))


def test_ties_count_half_in_the_probability_of_superiority() -> None:
    assert intervals_and_tests.superiority(np.array([[1.0, 2.0, 0.0, -1.0], [-1.0, -2.0, -3.0, 0.0]])) == pytest.approx(
        [0.625, 0.125]
    )


@pytest.mark.parametrize(("wins", "n"), [(0, 5), (5, 5), (7, 10), (9, 29)])
def test_wilsons_interval_is_scipys(wins: int, n: int) -> None:
    expected = stats.binomtest(wins, n).proportion_ci(0.95, method="wilson")
    assert intervals_and_tests.wilson(wins / n, n) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_a_difference_is_meaningful_above_three_wins_in_four_whichever_of_the_two_comes_first() -> None:
    p, low, high = np.array([[0.9, 0.7, 0.6, 0.1], [0.6, 0.55, 0.4, 0.02], [0.97, 0.9, 0.8, 0.4]])
    both = "significant and meaningful"
    expected = [both, "significant, not meaningful", "not significant", both]
    assert list(intervals_and_tests.meaningful(p, low, high)) == expected
    assert list(intervals_and_tests.meaningful(1 - p, 1 - high, 1 - low)) == expected


def test_equivalence_is_two_one_sided_tests_of_scipy() -> None:
    d, margin = normal(0.2, 1, size=(5, 12)), 0.8
    above = stats.ttest_1samp(d, -margin, axis=1, alternative="greater").pvalue
    below = stats.ttest_1samp(d, margin, axis=1, alternative="less").pvalue
    assert intervals_and_tests.equivalence(d, margin) == pytest.approx(np.maximum(above, below))


def test_arms_are_equivalent_just_where_the_90_percent_interval_lies_inside_the_margin() -> None:
    d, margin = normal(0.3, 1, size=(200, 12)), 0.8
    mean, sd, n = intervals_and_tests.moments(d)
    low, high = intervals_and_tests.student(mean, sd, n, level=0.9)
    equivalent = intervals_and_tests.equivalence(d, margin) <= 0.05
    assert 0 < equivalent.sum() < 200
    assert (equivalent == ((-margin < low) & (high < margin))).all()


def test_differences_that_do_not_vary_are_equivalent_by_their_value_and_one_seed_by_nothing() -> None:
    assert intervals_and_tests.equivalence(np.full((1, 4), 0.5), 1.0) == 0
    assert intervals_and_tests.equivalence(np.full((1, 4), 1.5), 1.0) == 1
    assert np.isnan(intervals_and_tests.equivalence(np.full((1, 1), 0.5), 1.0))


def test_moments_leave_out_what_is_missing() -> None:
    values = np.array([[1.0, np.nan, 3.0], [np.nan, np.nan, np.nan], [2.0, np.nan, np.nan]])
    mean, sd, n = intervals_and_tests.moments(values)
    assert mean == pytest.approx([2.0, np.nan, 2.0], nan_ok=True)
    assert sd == pytest.approx([math.sqrt(2), np.nan, np.nan], nan_ok=True)
    assert list(n) == [2, 0, 1]


def test_the_restricted_mean_is_the_area_under_the_share_that_has_not_arrived() -> None:
    times, horizon = np.array([[10.0, 30.0, 30.0, np.inf, 80.0]]), 50.0
    grid = np.arange(0, 50, 0.01)
    area = sum((times > t).mean() for t in grid) * 0.01
    assert intervals_and_tests.restrict_times(times, np.array([horizon])).mean() == pytest.approx(area, abs=0.02) == 34


def test_the_bootstrap_interval_is_near_students_and_repeats_itself() -> None:
    d = normal(1, 1, size=(3, 40))
    low, high = resampling.bootstrap(d)
    mean, sd, n = intervals_and_tests.moments(d)
    assert np.array([low, high]) == pytest.approx(np.array(intervals_and_tests.student(mean, sd, n)), abs=0.07)
    assert (np.array(resampling.bootstrap(d)) == np.array([low, high])).all()


def test_differences_that_do_not_vary_have_a_bootstrap_interval_without_length() -> None:
    d = np.stack([np.full(20, 0.25), normal(0, 1, 20)])
    low, high = resampling.bootstrap(d)
    assert low[0] == high[0] == 0.25
    assert low[1] < high[1]


def test_the_interquartile_mean_leaves_a_quarter_out_on_either_side() -> None:
    assert resampling.interquartile_mean(np.array([100.0, 1.0, 2.0, 3.0, 4.0, -50.0, 0.0, 9.0])) == (1 + 2 + 3 + 4) / 4


def test_the_stratified_bootstrap_draws_within_each_stratum() -> None:
    apart = [np.full(6, 1.0), np.full(6, 0.0)]  # mixed strata would vary, these cannot
    assert resampling.stratified_bootstrap(apart) == (0.5, 0.5)
    low, high = resampling.stratified_bootstrap([normal(0, 1, 60), normal(0, 1, 60)])
    assert low < 0 < high < 0.6


def test_the_seeds_needed_are_those_of_the_tables() -> None:
    # Two-sided paired t test, 5 %, power 0.8: G*Power 3.1 gives 34 for d_z = 0.5, 199 for 0.2, 15 for 0.8.
    assert list(seeds_needed([0.5, 0.2, 0.8, -0.5])) == [34, 199, 15, 34]


def test_with_one_seed_less_the_power_is_not_reached() -> None:
    d_z = np.array([0.15, 0.33, 1.0, 2.5])
    for alpha in (0.05, 0.05 / 9):
        n = seeds_needed(d_z, alpha)
        assert (power(n, d_z, alpha) >= 0.8).all()
        assert (power(n - 1, d_z, alpha) < 0.8).all()


def test_no_number_of_seeds_shows_an_effect_that_is_not_there() -> None:
    assert np.isnan(seeds_needed([0.0, math.nan, 1e-5])).all()
    assert seeds_needed(1e6) == 2
