"""How often intervals cover and tests err, over 10,000 simulated studies and more; `pytest -s` prints the rates."""

import numpy as np
import pytest
from numpy.typing import NDArray

from bnexp.statistics import intervals_and_tests, resampling
from bnexp.statistics.power import power

STUDIES = 20_000
NS = (5, 10, 20)
Floats = NDArray[np.float64]


def studies(n: int, mean: float = 0.0, sd: float = 0.004) -> Floats:
    """Return paired differences [studies, n], as large as those of accuracies on MNIST."""
    return np.random.default_rng(n).normal(mean, sd, size=(STUDIES, n))


def rate(hits: NDArray[np.bool_], what: str) -> float:
    share = float(hits.mean())
    print(f"\n{what}: {share:.4f} of {len(hits):,} studies", end="")
    return share


def covers(interval: tuple[Floats, Floats], truth: float | Floats) -> NDArray[np.bool_]:
    low, high = interval
    return (low <= truth) & (truth <= high)


@pytest.mark.parametrize("n", NS)
def test_students_interval_covers_in_95_of_100_studies_where_a_normal_one_covers_too_rarely(
    n: int,
) -> None:
    d = studies(n, mean=0.002)
    mean, sd, count = intervals_and_tests.moments(d)
    assert (
        0.94
        < rate(covers(intervals_and_tests.student(mean, sd, count), 0.002), f"coverage of Student's t, n = {n}")
        < 0.96
    )
    if n == 5:
        half = 1.96 * sd / np.sqrt(n)
        assert rate(covers((mean - half, mean + half), 0.002), f"coverage of a normal interval, n = {n}") < 0.90


@pytest.mark.parametrize("n", [10, 20])
def test_the_sign_flip_test_errs_in_5_of_100_studies_without_an_effect(n: int) -> None:
    p = resampling.sign_flip(studies(n), draws=1_999)
    assert 0.04 < rate(p <= 0.05, f"false positives of the sign-flip test, n = {n}") < 0.06


def test_the_sign_flip_test_of_five_seeds_never_errs_at_5_percent_and_in_1_of_16_studies_at_its_smallest_p() -> None:
    p = resampling.sign_flip(studies(5))
    assert rate(p <= 0.05, "false positives of the sign-flip test, n = 5") == 0
    assert p.min() == resampling.smallest_p(5) == 2 / 32
    assert 0.0575 < rate(p <= 2 / 32, "p at its smallest value 0.0625, n = 5") < 0.0675


@pytest.mark.parametrize("n", NS)
def test_students_test_errs_in_5_of_100_studies_without_an_effect(n: int) -> None:
    mean, sd, count = intervals_and_tests.moments(studies(n))
    errs = ~covers(intervals_and_tests.student(mean, sd, count), 0.0)
    assert 0.04 < rate(errs, f"false positives of the t test, n = {n}") < 0.06


@pytest.mark.parametrize("n", NS)
def test_equivalence_is_claimed_in_5_of_100_studies_whose_difference_is_the_margin(n: int) -> None:
    margin = 0.02
    for mean in (margin, -margin):
        p = intervals_and_tests.equivalence(studies(n, mean), margin)
        assert 0.04 < rate(p <= 0.05, f"false equivalence at {mean:+}, n = {n}") < 0.06
    assert (intervals_and_tests.equivalence(studies(n, 0.0), margin) <= 0.05).mean() > 0.9  # it can be claimed


@pytest.mark.parametrize("n", NS)
def test_holm_errs_in_at_most_5_of_100_families(n: int) -> None:
    d = np.random.default_rng(n).normal(size=(10_000, 3, n))
    p = resampling.sign_flip(d.reshape(-1, n), draws=999).reshape(-1, 3)
    adjusted = np.array([intervals_and_tests.holm(family) for family in p])
    assert rate((adjusted <= 0.05).any(axis=1), f"families of 3 with a false positive, n = {n}") < 0.06


@pytest.mark.parametrize("n", NS)
def test_the_power_is_that_of_simulated_studies(n: int) -> None:
    mean, sd, count = intervals_and_tests.moments(studies(n, mean=0.004))
    share = rate(~covers(intervals_and_tests.student(mean, sd, count), 0.0), f"power at d_z = 1, n = {n}")
    assert share == pytest.approx(float(power(n, 1.0)), abs=0.01)


def test_the_bootstrap_interval_covers_skewed_differences_at_20_seeds() -> None:
    d = np.random.default_rng(0).exponential(size=(1_000, 20))
    assert 0.89 < rate(covers(resampling.bootstrap(d), 1.0), "coverage of BCa, exponential differences, n = 20") < 0.97
