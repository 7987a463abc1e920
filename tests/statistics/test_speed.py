"""Steps to an accuracy and sensitivity to the learning rate, of synthetic runs with straight curves."""

import math

import pandas as pd
import pytest

from bnexp.runs import Run
from bnexp.statistics.arms import score_runs
from bnexp.statistics.curves import complete_curves
from bnexp.statistics.sensitivity import lr_sensitivity
from bnexp.statistics.speed import steps_to_threshold
from tests.support.synthetic import END_LOSS, START_LOSS, STEPS, Rows, grid, product, rows


def measure(frames: Rows) -> pd.DataFrame:
    runs, points = frames
    return steps_to_threshold(grid(runs), complete_curves(points, score_runs(runs))).set_index("level")


def at_half_time(run: Run) -> float:
    """Accuracies at which `pre` is there after half of the steps, and one seed of `post` never."""
    return {"none": 0.5, "pre": 0.9, "post": 0.5 if run.seed else 0.4}[run.placement]


def test_the_time_is_that_of_the_first_evaluation_with_the_best_accuracy_of_none() -> None:
    levels = measure(rows(product(seeds=range(2)), at_half_time))
    assert levels["threshold"].to_list() == pytest.approx([0.5] * 3)
    # Straight from 0.1 to 0.9 in 40 steps: 0.5 at step 20, an evaluation.
    assert levels.loc["pre", ["mean", "reached", "n"]].to_list() == [20, 2, 2]
    assert levels.loc["none", "mean"] == STEPS


def test_a_run_that_never_gets_there_counts_with_the_horizon() -> None:
    levels = measure(rows(product(seeds=range(2)), at_half_time))
    assert levels.loc["post", ["mean", "reached", "n", "horizon"]].to_list() == [STEPS, 1, 2, STEPS]


def test_a_run_that_gets_there_and_diverges_counts_with_the_horizon() -> None:
    sweep = product(seeds=range(2))
    levels = measure(rows(sweep, at_half_time, diverged={sweep[2]: 35}))
    assert levels.loc["pre", ["mean", "reached", "n"]].to_list() == [(20 + STEPS) / 2, 1, 2]


def test_a_diverged_run_of_the_reference_lowers_the_accuracy_to_be_reached() -> None:
    sweep = product(seeds=range(2))
    levels = measure(rows(sweep, at_half_time, diverged={sweep[0]: 5}))
    assert levels["threshold"].to_list() == pytest.approx([(0.5 + 0.1) / 2] * 3)


def test_the_accuracy_to_be_reached_is_the_best_on_the_way_not_the_last() -> None:
    runs, points = rows(product(), at_half_time)
    on_the_way = (points["step"] == 20) & points["run"].isin(runs.loc[runs["placement"] == "none", "run"])
    points.loc[on_the_way, "validation_accuracy"] = 0.6
    assert set(measure((runs, points))["threshold"]) == {0.6}


def test_speed_is_measured_at_the_best_learning_rate() -> None:
    levels = measure(
        rows(product(lrs=[0.1, 1.0]), lambda run: at_half_time(run) - 0.2 * (run.lr == 0.1 and run.placement == "pre"))
    )
    assert levels.loc["pre", "mean"] == 20
    assert set(levels["n"]) == {3}


def test_without_none_the_first_level_is_the_reference() -> None:
    levels = measure(rows(product(["post", "pre"]), lambda run: 0.9 if run.placement == "pre" else 0.5))
    assert set(levels["threshold"]) == {0.9}


def test_sensitivity_is_the_mean_excess_over_the_best_loss_and_divergence_costs_the_loss_at_initialization() -> None:
    sweep = product(["none", "pre"], lrs=[0.01, 0.1, 1.0], seeds=range(2))
    runs, points = rows(sweep, diverged={run: 9 for run in sweep if run.placement == "none" and run.lr == 1})
    runs.loc[(runs["lr"] == 0.01), "validation_loss"] = 1.0
    runs.loc[(runs["placement"] == "pre") & (runs["lr"] == 0.1) & (runs["seed"] == 0), "validation_loss"] = 5.0
    levels = lr_sensitivity(grid(runs), points).set_index("level")
    best = END_LOSS
    assert levels.loc["none", "sensitivity"] == pytest.approx((1.0 + END_LOSS + START_LOSS) / 3 - best)
    seeds = [(1.0 + START_LOSS + END_LOSS) / 3 - best, (1.0 + 2 * END_LOSS) / 3 - best]  # 5.0 is cut at the start
    assert levels.loc["pre", "sensitivity"] == pytest.approx(sum(seeds) / 2)
    assert levels[["n", "lrs"]].to_numpy().tolist() == [[2, 3]] * 2
    assert levels.loc["none", "low"] == pytest.approx(levels.loc["none", "high"])


def test_seeds_that_lack_a_learning_rate_say_nothing_of_sensitivity() -> None:
    runs, points = rows(product(["none", "pre"], lrs=[0.1, 1.0], seeds=range(3)))
    runs = runs[(runs["seed"] > 0) | (runs["lr"] < 1)]
    levels = lr_sensitivity(grid(runs), points)
    assert levels["n"].to_list() == [2, 2]
    assert math.isclose(levels["sensitivity"][0], 0.0, abs_tol=1e-12)


def test_one_learning_rate_has_no_sensitivity() -> None:
    runs, points = rows(product())
    assert lr_sensitivity(grid(runs), points).empty
