"""Effects, finals and aggregates of synthetic runs, by hand and against scipy."""

import math
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from bnexp.runs import Run
from bnexp.statistics import comparisons, curves
from bnexp.statistics.arms import score_runs
from bnexp.statistics.design import deduce_design
from bnexp.statistics.grid import build_grid
from bnexp.statistics.notes import NoRun, SeedsLeftOut, TooFewSeeds
from bnexp.statistics.power import seeds_needed
from tests.support.synthetic import START_LOSS, grid, product, rows

ACCURACY = {
    "none": (0.90, 0.91, 0.92, 0.90, 0.91, 0.93, 0.92),
    "pre": (0.91, 0.93, 0.92, 0.92, 0.91, 0.95, 0.94),
    "post": (0.93, 0.94, 0.93, 0.95, 0.93, 0.97, 0.95),
}


def accuracy(run: Run) -> float:
    return ACCURACY[run.placement][run.seed]


def noisy(end: Callable[[Run], float], sd: float = 0.002) -> Callable[[Run], float]:
    rng = np.random.default_rng(0)
    return lambda run: end(run) + rng.normal(0, sd)


def test_an_effect_is_the_paired_difference_with_its_interval_tests_and_sizes() -> None:
    runs, _ = rows(product(seeds=range(7)), accuracy)
    effects = comparisons.compare_at_best(grid(runs))
    assert list(zip(effects["a"], effects["b"], strict=True)) == [("pre", "none"), ("post", "none"), ("post", "pre")]
    row = effects.iloc[0]
    a, b = np.array(ACCURACY["pre"]), np.array(ACCURACY["none"])
    assert [row["mean_a"], row["mean_b"]] == pytest.approx([a.mean(), b.mean()])
    assert row["mean"] == pytest.approx((a - b).mean())
    # The ends are where scipy's test of the differences about them turns at 5 %.
    for end, outwards in ((row["low"], -1), (row["high"], 1)):
        inside, outside = (
            stats.permutation_test((a - b - end - shift,), np.mean, permutation_type="samples").pvalue
            for shift in (-1e-9 * outwards, 1e-9 * outwards)
        )
        assert outside <= 0.05 < inside
    assert row["correlation"] == pytest.approx(np.corrcoef(a, b)[0, 1])
    assert row["d_z"] == pytest.approx((a - b).mean() / (a - b).std(ddof=1))
    assert row["probability"] == pytest.approx(6 / 7)  # five wins and two ties
    expected = stats.permutation_test((a - b,), np.mean, permutation_type="samples").pvalue
    assert row["p"] == pytest.approx(expected)
    assert list(effects["p_holm"]) == pytest.approx([2 * 4 / 128, 3 * 2 / 128, 3 * 2 / 128])
    assert (effects["p"] <= effects["p_family"]).all()
    assert (effects["p_family"] <= effects["p_holm"]).all()  # the three contrasts are correlated
    assert math.isnan(row["bootstrap_low"])
    assert list(effects["notes"]) == [()] * 3


def test_twenty_pairs_have_a_bootstrap_interval_too() -> None:
    runs, _ = rows(product(["pre", "post"], seeds=range(20)), noisy(lambda _: 0.9))
    row = comparisons.compare_at_best(grid(runs)).iloc[0]
    assert row["bootstrap_low"] == pytest.approx(row["low"], abs=3e-4)
    assert row["bootstrap_low"] != row["low"]


def test_too_few_seeds_have_no_p_and_a_note_that_says_how_many_are_needed() -> None:
    runs, _ = rows(product(activations=["relu", "tanh", "sigmoid"], seeds=range(5)), noisy(accuracy))
    effects = comparisons.compare_at_best(grid(runs))
    assert effects[["p", "p_holm", "p_family"]].isna().all(axis=None)
    assert set(effects["notes"]) == {(TooFewSeeds(5, fewest=6, contrasts=9),)}
    assert set(effects["meaningful"]) == {"not significant"}
    assert effects["low"].notna().all()


def test_all_cells_are_one_family() -> None:
    runs, _ = rows(product(activations=["relu", "tanh"], seeds=range(7)), noisy(lambda _: 0.9, sd=0.01))
    whole = comparisons.compare_at_best(grid(runs))
    few = comparisons.compare_at_best(
        build_grid(score_runs(runs[runs["activation"] == "relu"]), deduce_design(score_runs(runs)))
    )
    alone, together = few, whole[whole["activation"] == "relu"]
    assert (alone["p"].to_numpy() == together["p"].to_numpy()).all()
    assert (alone["p_family"].to_numpy() <= together["p_family"].to_numpy()).all()
    assert (alone["p_family"].to_numpy() < together["p_family"].to_numpy()).any()


def test_accuracies_are_compared_given_training_and_the_risk_of_divergence_is_told_apart() -> None:
    sweep = product(["pre", "post"], seeds=range(8))
    end = lambda run: ACCURACY[run.placement][run.seed % 7]  # noqa: E731
    runs, _ = rows(sweep, end, diverged={sweep[8]: 9, sweep[9]: 9})
    row = comparisons.compare_at_best(grid(runs)).iloc[0]
    assert row["mean_a"] == pytest.approx(np.mean([end(run) for run in sweep[10:]]))
    assert row["mean"] == pytest.approx(np.mean([end(a) - end(b) for a, b in zip(sweep[10:], sweep[2:8], strict=True)]))
    assert (row["n"], row["n_trained"]) == (8, 6)
    assert (row["risk_a"], row["risk_b"], row["p_risk"]) == (2 / 8, 0, 0.5)  # two of two: 2/4
    assert (row["diverged_a"], row["diverged_b"], row["stuck_a"]) == (2, 0, 0)


def test_an_arm_of_which_no_run_learned_counts_at_chance() -> None:
    sweep = product(["pre", "post"], seeds=range(7))
    runs, _ = rows(sweep, accuracy, diverged=dict.fromkeys(sweep[7:], 9))
    row = comparisons.compare_at_best(grid(runs)).iloc[0]
    assert row["mean_a"] == pytest.approx(0.1)
    assert (row["risk_a"], row["n_trained"]) == (1, 7)


def test_a_diverged_run_without_a_partner_is_not_counted_among_the_pairs() -> None:
    sweep = product(["pre"], seeds=range(7)) + product(["post"], seeds=range(2, 7))
    runs, _ = rows(sweep, accuracy, diverged={sweep[0]: 9, sweep[4]: 9})
    row = comparisons.compare_at_best(grid(runs)).iloc[0]
    assert (row["n"], row["diverged_a"], row["diverged_b"]) == (5, 0, 1)


def test_the_seeds_needed_are_those_at_the_level_that_holm_leaves_to_what_is_undecided() -> None:
    runs, _ = rows(product(seeds=range(10)), noisy(lambda run: 0.9 - 0.1 * (run.placement == "none"), sd=0.005))
    effects = comparisons.compare_at_best(grid(runs))
    assert list(effects["p_holm"] <= 0.05) == [True, True, False]
    assert effects["seeds_needed"][2] == seeds_needed(effects["d_z"][2])  # one is left
    assert seeds_needed(effects["d_z"][2], 0.05 / 3) > seeds_needed(effects["d_z"][2])
    assert effects["seeds_needed"][0] == effects["fewest"][0] == 6 > seeds_needed(effects["d_z"][0])


def test_unequal_seeds_are_paired_on_those_that_both_have_and_the_rest_is_said() -> None:
    sweep = product(["pre"], seeds=range(7)) + product(["post"], seeds=range(2, 5))
    runs, _ = rows(sweep, accuracy)
    row = comparisons.compare_at_best(grid(runs)).iloc[0]
    assert row["n"] == 3
    assert row["mean"] == pytest.approx(np.mean([0.93 - 0.92, 0.95 - 0.92, 0.93 - 0.91]))
    assert SeedsLeftOut("pre", seeds=4) in row["notes"]


def test_a_missing_arm_has_no_numbers_and_a_note() -> None:
    runs, _ = rows(product(activations=["relu"]) + product(["pre", "none"], activations=["tanh"]))
    effects = comparisons.compare_at_best(grid(runs)).set_index(["activation", "a", "b"])
    assert effects.loc[("tanh", "post", "pre"), "n"] == 0
    assert effects.loc[("tanh", "post", "pre"), "notes"] == (NoRun("post"),)
    assert math.isnan(effects.loc[("tanh", "post", "pre"), "mean"])


def test_fixed_effects_are_those_at_each_learning_rate_without_a_test() -> None:
    runs, _ = rows(product(lrs=[0.1, 1.0], seeds=range(7)), lambda run: accuracy(run) - 0.3 * (run.lr > 0.5))
    fixed = comparisons.compare_at_each_lr(grid(runs))
    assert not {"p", "p_holm", "meaningful"} & set(fixed.columns)
    assert list(fixed["lr"]) == [0.1] * 3 + [1.0] * 3
    assert fixed["mean_a"].to_list()[3:] == pytest.approx([mean - 0.3 for mean in fixed["mean_a"][:3]])


def test_finals_have_the_mean_of_each_arm_at_each_learning_rate_and_mark_the_best() -> None:
    sweep = product(["pre", "post"], lrs=[0.1, 1.0], seeds=range(3))
    runs, _ = rows(sweep, lambda run: accuracy(run) - 0.3 * (run.lr > 0.5), diverged={sweep[3]: 7})
    finals = comparisons.average_finals(grid(runs))
    assert list(finals["level"]) == ["pre", "pre", "post", "post"]
    assert finals["mean"][1] == pytest.approx((0.1 + 0.63 + 0.62) / 3)
    low, high = stats.t.interval(0.95, 2, loc=0.92, scale=stats.sem([0.91, 0.93, 0.92]))
    assert finals.loc[0, ["low", "high"]].to_list() == pytest.approx([low, high])
    assert finals["diverged"].to_list() == [0, 1, 0, 0]
    assert finals["best"].to_list() == [True, False, True, False]
    assert set(finals["n"]) == {3}


def crossed(run: Run) -> float:
    return 0.9 if (run.lr > 0.5) == (run.placement == "pre") else 0.8


def test_the_best_learning_rate_is_that_of_each_arm() -> None:
    runs, _ = rows(product(["pre", "post"], lrs=[0.1, 1.0]), crossed)
    assert comparisons.average_finals(grid(runs))["best"].to_list() == [False, True, True, False]
    assert comparisons.best_lrs(grid(runs))["lr"].to_list() == [1.0, 0.1]


def test_without_a_tuned_axis_the_learning_rate_of_the_runs_is_given_and_no_text_of_it() -> None:
    runs, _ = rows(product(lrs=[0.3]))
    assert set(comparisons.average_finals(grid(runs))["lr"]) == {0.3}
    assert set(comparisons.compare_at_best(grid(runs))["lr_a"]) == {""}


def test_the_aggregate_takes_the_strata_that_all_levels_have() -> None:
    sweep = product(["pre", "post"], lrs=[0.1, 1.0], seeds=range(4)) + product(["pre"], lrs=[10.0], seeds=range(4))
    runs, _ = rows(sweep, lambda run: 0.9 - 0.1 * (run.lr == 1) - 0.5 * (run.lr == 10) + 0.01 * run.seed)
    levels = comparisons.aggregate(grid(runs))
    values = [0.8, 0.81, 0.82, 0.83, 0.9, 0.91, 0.92, 0.93]
    assert levels["iqm"].to_list() == pytest.approx([np.mean(values[2:6])] * 2)
    assert levels[["strata", "n"]].to_numpy().tolist() == [[2, 8]] * 2
    assert (levels["low"] < levels["iqm"]).all()
    assert (levels["iqm"] < levels["high"]).all()


def test_a_loss_counts_with_diverged_runs_at_their_loss_at_initialization_or_not_at_all() -> None:
    sweep = product(["pre", "post"], seeds=range(7))
    runs, points = rows(sweep, diverged=dict.fromkeys(sweep[:7], 9))
    scored = score_runs(runs)
    with pytest.raises(ValueError, match="diverged runs must have a test_loss"):
        comparisons.compare_at_best(grid(runs), "test_loss")
    filled = build_grid(curves.fill_losses(scored, points), deduce_design(scored))
    row = comparisons.compare_at_best(filled, "test_loss").iloc[0]
    assert (row["mean_a"], row["mean_b"]) == pytest.approx((0.4, START_LOSS))
    with pytest.raises(ValueError, match="a metric must be one of"):
        comparisons.average_finals(grid(runs), "accuracy")


def test_a_loss_at_initialization_that_is_not_finite_is_that_of_a_uniform_guess() -> None:
    sweep = product(["pre"], seeds=range(2))
    runs, points = rows(sweep, diverged={sweep[0]: 9})
    points["validation_loss"] = np.inf
    assert curves.fill_losses(score_runs(runs), points)["test_loss"].to_list() == pytest.approx([math.log(10), 0.4])


def test_axes_that_leave_no_cell_are_compared_all_the_same() -> None:
    runs, _ = rows(product(["pre"], ["relu", "tanh"], lrs=[0.1, 1.0], seeds=range(7)), accuracy)
    whole = grid(runs, "activation")
    assert whole.design.cells == ()
    assert comparisons.compare_at_best(whole)["n"].to_list() == [7]
    assert isinstance(comparisons.best_lrs(whole), pd.DataFrame)
