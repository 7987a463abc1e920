"""How often intervals cover and tests err, over 10,000 simulated studies and more; `pytest -s` prints the rates."""

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from bnexp.statistics import inference, resampling, selection
from bnexp.statistics.design import Design
from bnexp.statistics.grid import Grid
from bnexp.statistics.power import power

STUDIES = 20_000
NS = (5, 10, 20)
Floats = NDArray[np.float64]


def studies(n: int, mean: float = 0.0, sd: float = 0.004) -> Floats:
    """Return paired differences [studies, n], as large as those of accuracies on MNIST."""
    return np.random.default_rng(n).normal(mean, sd, size=(STUDIES, n))


def rate(hits: NDArray[np.bool_], what: str) -> float:
    found = float(hits.mean())
    print(f"\n{what}: {found:.4f} of {len(hits):,} studies", end="")
    return found


def covers(interval: tuple[Floats, Floats], truth: float | Floats) -> NDArray[np.bool_]:
    low, high = interval
    return (low <= truth) & (truth <= high)


@pytest.mark.parametrize("n", NS)
def test_students_interval_covers_the_truth_in_95_of_100_studies_where_a_normal_one_covers_it_too_rarely(
    n: int,
) -> None:
    d = studies(n, mean=0.002)
    mean, sd, count = inference.moments(d)
    assert 0.94 < rate(covers(inference.student(mean, sd, count), 0.002), f"coverage of Student's t, n = {n}") < 0.96
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
    mean, sd, count = inference.moments(studies(n))
    assert (
        0.04 < rate(~covers(inference.student(mean, sd, count), 0.0), f"false positives of the t test, n = {n}") < 0.06
    )


@pytest.mark.parametrize("n", NS)
def test_equivalence_is_claimed_in_5_of_100_studies_whose_difference_is_the_margin(n: int) -> None:
    margin = 0.02
    for mean in (margin, -margin):
        p = inference.equivalence(studies(n, mean), margin)
        assert 0.04 < rate(p <= 0.05, f"false equivalence at {mean:+}, n = {n}") < 0.06
    assert (inference.equivalence(studies(n, 0.0), margin) <= 0.05).mean() > 0.9  # it can be claimed


@pytest.mark.parametrize("n", NS)
def test_holm_errs_in_at_most_5_of_100_families(n: int) -> None:
    d = np.random.default_rng(n).normal(size=(10_000, 3, n))
    p = resampling.sign_flip(d.reshape(-1, n), draws=999).reshape(-1, 3)
    adjusted = np.array([inference.holm(family) for family in p])
    assert rate((adjusted <= 0.05).any(axis=1), f"families of 3 with a false positive, n = {n}") < 0.06


@pytest.mark.parametrize("n", NS)
def test_the_power_is_that_of_simulated_studies(n: int) -> None:
    mean, sd, count = inference.moments(studies(n, mean=0.004))
    found = rate(~covers(inference.student(mean, sd, count), 0.0), f"power at d_z = 1, n = {n}")
    assert found == pytest.approx(float(power(n, 1.0)), abs=0.01)


def test_the_bootstrap_interval_covers_skewed_differences_at_20_seeds() -> None:
    d = np.random.default_rng(0).exponential(size=(1_000, 20))
    assert 0.89 < rate(covers(resampling.bootstrap(d), 1.0), "coverage of BCa, exponential differences, n = 20") < 0.97


def sweeps(n: int, count: int = 10_000) -> tuple[Grid, Floats]:
    """Return simulated sweeps of two arms as cells of a grid, and the true accuracies [L, T].

    A run's luck is in its validation and in its test accuracy, so that choosing on the seeds that are reported flatters.
    The first arm has one good learning rate of five, the second five that are alike.
    """
    truth_LT = np.array([[0.950, 0.960, 0.970, 0.960, 0.950], [0.970, 0.970, 0.970, 0.970, 0.970]])
    rng, shape = np.random.default_rng(n), (count, *truth_LT.shape, n)
    seed = rng.normal(0, 0.002, size=(count, 1, 1, n))
    luck = truth_LT[..., None] + seed + rng.normal(0, 0.004, size=shape)
    rows = pd.DataFrame(
        {name: (luck + rng.normal(0, 0.001, size=shape)).ravel() for name in ("validation_accuracy", "test")}
    )
    row_KLTS = np.arange(luck.size).reshape(shape)
    design = Design("placement", ("pre", "post"), "lr", (), None)
    return Grid(design, rows, pd.DataFrame(index=range(count)), np.arange(5.0), np.arange(n), row_KLTS), truth_LT


def difference(values_KLS: Floats) -> tuple[Floats, tuple[Floats, Floats]]:
    mean, sd, n = inference.moments(values_KLS[:, 1] - values_KLS[:, 0])
    return mean, inference.student(mean, sd, n)


@pytest.mark.parametrize("n", NS)
def test_the_interval_at_cross_fitted_learning_rates_covers_where_choosing_on_the_reported_test_set_does_not(
    n: int,
) -> None:
    grid, truth_LT = sweeps(n)
    chosen = selection.cross_fitted(grid)
    mean, interval = difference(chosen.take(grid.column("test")))
    # The difference at the learning rates that were chosen, which a study is about; here it hardly varies.
    truth_KL = np.take_along_axis(truth_LT[None], chosen.lr_KLS.reshape(len(mean), 2, -1), axis=2).mean(axis=2)
    truth = truth_KL[:, 1] - truth_KL[:, 0]
    assert 0.93 < rate(covers(interval, truth), f"coverage at cross-fitted learning rates, n = {n}") < 0.97
    assert abs((mean - truth).mean()) < 1e-4

    test = grid.column("test")
    best = test.mean(axis=3).argmax(axis=2)
    naive = np.take_along_axis(test, best[:, :, None, None], axis=2)[:, :, 0]
    mean, interval = difference(naive)
    assert rate(covers(interval, 0.0), f"coverage where the test set chooses, n = {n}") < 0.93
    assert mean.mean() > 5e-4
