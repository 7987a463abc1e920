"""The choice of learning rates as a part of tests and intervals: against a slow reference, exactness, and agreement."""

import itertools

import numpy as np
import pytest
from numpy.typing import NDArray

from bnexp.statistics import comparisons, exchange, families, resampling
from bnexp.statistics.deviations import flip_deviations
from bnexp.statistics.intervals_and_tests import holm
from bnexp.statistics.notes import FewTrained, SeedsIncomplete
from bnexp.statistics.pairs import PairedCurves, pair_arms, pair_curves
from bnexp.statistics.whole_procedure import BEHIND, Curves, exchange_curves, number_folds
from tests.support.synthetic import grid, product, rows

BROAD, FLAT = (0.960, 0.967, 0.970, 0.967, 0.960), (0.970,) * 5


def draw(a: tuple[float, ...], b: tuple[float, ...], n: int, sweeps: int = 1, seed: int = 0) -> Curves:
    """Return two arms of these true accuracies in simulated sweeps; a run's luck is in validation and in test."""
    rng, truth_C2T1 = np.random.default_rng(seed), np.array([[a, b]])[..., None]
    reached = truth_C2T1 + rng.normal(0, 0.004, (sweeps, 2, len(a), n)) + rng.normal(0, 0.002, (sweeps, 1, 1, n))
    validation, test = (reached + rng.normal(0, 0.001, reached.shape) for _ in range(2))
    return Curves(validation, test, np.zeros(reached.shape, dtype=bool))


def estimate_slowly(curves: Curves) -> float:
    """Return the estimate of one contrast, loop by loop."""
    validation, outcome, lacking = curves.validation_C2Tn[0], curves.outcome_C2Tn[0], curves.lacking_C2Tn[0]
    T, n = validation.shape[1:]
    differences = []
    for seed in range(n):
        ends = []
        for arm in range(2):
            best = [max(validation[arm, t, s] for t in range(T) if not lacking[arm, t, s]) for s in range(n)]
            behind = [
                sum(lacking[arm, t, s] or validation[arm, t, s] < BEHIND * best[s] for s in range(n)) for t in range(T)
            ]
            means = {}
            for t in range(T):
                others = [s for s in range(n) if number_folds(n)[s] != number_folds(n)[seed] and not lacking[arm, t, s]]
                if behind[t] == min(behind):
                    means[t] = np.mean(validation[arm, t, others])
            chosen = max(means, key=lambda t: means[t])
            ends.append(np.nan if lacking[arm, chosen, seed] else outcome[arm, chosen, seed])
        differences.append(ends[0] - ends[1])
    return float(np.nanmean(differences))


@pytest.mark.parametrize("fails", [False, True])
def test_exchanged_curves_give_what_a_slow_reference_gives(fails: bool) -> None:
    curves = draw(BROAD, FLAT, 7)
    if fails:  # at some rates of both, and of a in every run of one
        lacking = curves.lacking_C2Tn.copy()
        lacking[0, 0, 3, 2] = lacking[0, 1, 1, 5] = lacking[0, 0, 2, 1] = lacking[0, 0, :, 4] = True
        lacking[0, 0, 0, 4] = False
        curves = Curves(curves.validation_C2Tn, curves.outcome_C2Tn, lacking)
    swap_Rn = exchange.draw_swaps(7)
    reference, _ = exchange_curves(curves, swap_Rn)
    for r in (0, 1, 17, 63):
        parts = [
            np.where(swap_Rn[r], values[:, ::-1], values)
            for values in (curves.validation_C2Tn, curves.outcome_C2Tn, curves.lacking_C2Tn)
        ]
        assert reference.statistic_CR[0, r] == pytest.approx(estimate_slowly(Curves(*parts)), abs=1e-12)


@pytest.mark.parametrize("n", [3, 6, 11])
def test_with_one_learning_rate_both_references_are_the_sign_flip_test(n: int) -> None:
    curves = draw((0.97,), (0.968,), n, sweeps=20)
    d_Cn = curves.outcome_C2Tn[:, 0, 0] - curves.outcome_C2Tn[:, 1, 0]
    swap_Rn = exchange.draw_swaps(n)
    first, _ = exchange_curves(curves, swap_Rn)
    second = flip_deviations(curves, np.concatenate([swap_Rn, ~swap_Rn]), first.observed_C)
    expected = resampling.sign_flip(d_Cn)
    assert np.ptp(expected) > 0.1
    assert exchange.find_p(first) == pytest.approx(expected, abs=1e-12)
    assert exchange.find_p(second) == pytest.approx(expected, abs=1e-12)
    shifted = [resampling.sign_flip(d_Cn - theta) for theta in (0.001, -0.02)]
    for theta, p in zip((0.001, -0.02), shifted, strict=True):
        assert exchange.find_p(first, theta) == pytest.approx(p, abs=1e-12)
        assert exchange.find_p(second, theta) == pytest.approx(p, abs=1e-12)


def test_where_curves_are_exchangeable_p_is_exact_and_the_test_of_the_chosen_differences_is_not() -> None:
    n, sweeps = 8, 1_000
    curves = draw(BROAD, BROAD, n, sweeps)
    reference, _ = exchange_curves(curves, exchange.draw_swaps(n))
    p = exchange.find_p(reference)
    for level in (0.05, 0.2, 0.5):
        exact = int(level * 128) / 128
        assert (p <= level).mean() == pytest.approx(exact, abs=3.3 * np.sqrt(exact * (1 - exact) / sweeps))
    chosen = PairedCurves(  # the same rates, taken as given
        curves.validation_C2Tn,
        curves.outcome_C2Tn,
        curves.lacking_C2Tn,
        np.ones(curves.outcome_C2Tn.shape[:3], dtype=bool),
        np.ones((sweeps, n), dtype=bool),
    ).choose()
    taken = chosen.take(curves.outcome_C2Tn)
    assert taken[:, 0].mean(axis=1) - taken[:, 1].mean(axis=1) == pytest.approx(reference.observed_C, abs=1e-12)
    assert (resampling.sign_flip(taken[:, 0] - taken[:, 1]) <= 0.05).mean() > 0.1


@pytest.mark.parametrize(("n", "margin"), [(6, 0.012), (9, 0.006)])
def test_the_interval_excludes_a_difference_just_where_its_test_rejects_it(n: int, margin: float) -> None:
    curves = draw(tuple(x + 0.004 for x in BROAD), FLAT, n, sweeps=60)
    swap_Rn = exchange.draw_swaps(n)
    first, _ = exchange_curves(curves, swap_Rn)
    for reference in (first, flip_deviations(curves, np.concatenate([swap_Rn, ~swap_Rn]), first.observed_C)):
        low, high = exchange.find_interval(reference)
        assert ((low <= reference.observed_C) & (reference.observed_C <= high)).all()
        for theta in (0.0, 0.003, -0.004):
            assert ((exchange.find_p(reference, theta) > 0.05) == ((low <= theta) & (theta <= high))).all()
        low, high = exchange.find_interval(reference, 0.1)
        equivalent = exchange.find_equivalence(reference, margin) <= 0.05
        assert 0 < equivalent.sum() < 60
        assert (((low > -margin) & (high < margin)) == equivalent).all()


def step_down(statistic_CR: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the adjusted p, contrast by contrast."""
    t_CR = np.abs(statistic_CR) / np.sqrt((statistic_CR**2).mean(axis=1, keepdims=True))
    order, adjusted, least = np.argsort(-t_CR[:, 0]), np.empty(len(t_CR)), 0.0
    for place, contrast in enumerate(order):
        least = max(least, float(np.mean(t_CR[order[place:]].max(axis=0) >= t_CR[contrast, 0] - 1e-9)))
        adjusted[contrast] = least
    return adjusted


def test_the_step_down_maximum_is_that_of_its_definition() -> None:
    swap_Rn = exchange.draw_swaps(7)
    mean, sd = np.array([[0.8], [0.0], [1.5], [0.4]]), np.array([[1.0], [5.0], [1.0], [0.1]])
    for seed in range(50):
        d_Cn = np.random.default_rng(seed).normal(mean * (seed % 2), sd, (4, 7))
        statistic_CR = d_Cn @ np.where(swap_Rn, -1.0, 1.0).T
        expected = step_down(statistic_CR)
        assert exchange.adjust_family(statistic_CR[None])[0] == pytest.approx(expected)
    twins = np.stack([statistic_CR[0]] * 5)
    alone = exchange.adjust_family(statistic_CR[None, :1])[0]
    assert (exchange.adjust_family(twins[None])[0] == alone).all()  # what is the same is not corrected for
    assert (holm(np.repeat(alone, 5))[0]) == pytest.approx(min(1, 5 * alone[0]))
    with_missing = np.vstack([statistic_CR, np.full((1, 64), np.nan)])
    assert exchange.adjust_family(with_missing[None])[0] == pytest.approx([*expected, np.nan], nan_ok=True)


def accuracy(values: dict[str, dict[float, float]]):
    luck: NDArray[np.float64] = np.random.default_rng(1).normal(0, 0.002, 1000)
    places = itertools.count()
    return lambda run: values[run.placement][run.lr] + luck[next(places) % 1000]


def test_a_rate_at_which_a_run_failed_is_not_chosen_where_a_safe_one_is() -> None:
    both = {0.1: 0.95, 0.3: 0.96, 1.0: 0.97}
    sweep = product(["pre", "post"], lrs=both, seeds=range(10))
    failed = next(run for run in sweep if (run.placement, run.lr, run.seed) == ("post", 1.0, 3))
    for diverged, lr, risk in (({}, "1", 0.0), ({failed: 9}, "0.3", 0.0)):
        runs, _ = rows(sweep, accuracy({"pre": both, "post": both}), diverged=diverged)
        row = comparisons.compare_at_best(grid(runs)).iloc[0]
        assert (row["lr_a"], row["lr_b"], row["risk_a"], row["n_trained"]) == (lr, "1", risk, 10)
        assert row["mean_a"] > 0.95  # no mean of accuracies and of chance


def test_where_no_rate_is_safe_accuracy_is_given_training_and_risk_is_tested_apart() -> None:
    both = {0.1: 0.95, 1.0: 0.97}
    sweep = product(["pre", "post"], lrs=both, seeds=range(12))
    lost = {run: 9 for run in sweep if run.placement == "post" and run.seed < 7}
    runs, _ = rows(sweep, accuracy({"pre": both, "post": both}), diverged=lost)
    row = comparisons.compare_at_best(grid(runs)).iloc[0]
    assert (row["n"], row["n_trained"], row["risk_a"], row["risk_b"]) == (12, 5, 7 / 12, 0)
    assert abs(row["mean"]) < 0.01
    assert row["p_risk"] == pytest.approx(2 / 2**7)
    assert np.isnan(row["p"])
    assert FewTrained(5, 12) in row["notes"]


def test_arms_that_tried_other_rates_are_exchanged_with_their_rates() -> None:
    values = {lr: 0.97 - 0.01 * abs(np.log10(lr / 0.1)) for lr in (0.01, 0.1, 1.0, 10.0)}
    sweep = product(["pre"], lrs=[0.01, 0.1, 1.0], seeds=range(8)) + product(
        ["post"], lrs=[0.1, 1.0, 10.0], seeds=range(8)
    )
    row = comparisons.compare_at_best(grid(rows(sweep, accuracy({"pre": values, "post": values}))[0])).iloc[0]
    assert (row["lr_a"], row["lr_b"], row["edge_a"], row["edge_b"]) == ("0.1", "0.1", True, False)
    assert row["p"] > 0.05
    apart = product(["pre"], lrs=[0.1], seeds=range(8)) + product(["post"], lrs=[1.0], seeds=range(8))
    scored = grid(rows(apart, accuracy({"pre": values, "post": values}))[0])
    row = comparisons.compare_at_best(scored).iloc[0]
    a, b = scored.column("test_accuracy")[0, 1, 1], scored.column("test_accuracy")[0, 0, 0]
    assert row["p"] == pytest.approx(resampling.sign_flip((a - b)[None])[0])


def test_a_seed_without_all_rates_of_its_arm_is_left_out_and_a_rate_that_few_seeds_tried_is_none() -> None:
    values = {0.1: 0.95, 0.3: 0.97, 1.0: 0.96}
    sweep = product(["pre", "post"], lrs=[0.1, 0.3], seeds=range(9))
    provisional = [run for run in sweep if (run.placement, run.lr, run.seed) != ("post", 0.3, 8)]
    further = product(["pre"], lrs=[1.0], seeds=range(3))
    runs, _ = rows(provisional + further, accuracy({"pre": values, "post": values}))
    row = comparisons.compare_at_best(grid(runs)).iloc[0]
    assert (row["n"], row["lr_a"], row["lr_b"]) == (8, "0.3", "0.3")
    assert SeedsIncomplete("post", 1) in row["notes"]


def test_families_tested_at_once_are_those_tested_one_by_one() -> None:
    runs, _ = rows(product(activations=["relu", "tanh"], lrs=[0.1, 1.0], seeds=range(7)), accuracy(_PLACEMENTS))
    whole = grid(runs)
    pairs = pair_arms(whole)
    curves = pair_curves(whole, pairs, whole.column("test_accuracy"))
    every, d_z = np.ones(6, dtype=bool), np.full(6, 0.5)
    together = families.test_effects(curves, d_z, every, 0.001, families=2)
    for family in (0, 1):
        part = slice(3 * family, 3 * family + 3)
        arrays = (curves.validation_C2TS, curves.outcome_C2TS, curves.failed_C2TS, curves.candidates_C2T)
        alone = type(curves)(*(array[part] for array in (*arrays, curves.compared_CS)))
        one = families.test_effects(alone, d_z[part], every[part], 0.001)
        assert together[part].reset_index(drop=True).equals(one)


_PLACEMENTS = {name: {0.1: 0.96, 1.0: 0.961 + 0.003 * place} for place, name in enumerate(("none", "pre", "post"))}
