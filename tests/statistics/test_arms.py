"""What the estimates over seeds are, by hand and against scipy."""

import dataclasses
import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from bnexp.choices import Activation, Optimizer
from bnexp.statistics import arms, curves
from bnexp.statistics.cells import combinations, rows_of
from bnexp.statistics.intervals_and_tests import student
from tests.support.synthetic import END_LOSS, START_LOSS, STEPS, product, rows


def at(estimates: pd.DataFrame, metric: str, step: int) -> pd.DataFrame:
    return estimates[(estimates["metric"] == metric) & (estimates["step"] == step)]


def averages(runs: pd.DataFrame, points: pd.DataFrame) -> pd.DataFrame:
    scored = arms.score_runs(runs)
    return curves.average_curves(curves.complete_curves(points, scored), scored)


def only(frame: pd.DataFrame) -> dict[str, Any]:
    (row,) = frame.to_dict("records")
    return {str(name): value for name, value in row.items()}


def test_the_interval_is_that_of_students_t() -> None:
    runs, points = rows(product(["pre"]), accuracy=lambda run: (0.90, 0.92, 0.94)[run.seed])
    row = only(at(averages(runs, points), "validation_accuracy", STEPS))
    low, high = stats.t.interval(0.95, 2, loc=0.92, scale=stats.sem([0.90, 0.92, 0.94]))
    assert [row["mean"], row["low"], row["high"], row["n"]] == pytest.approx([0.92, low, high, 3])
    # By hand: t = 4.302653 at 2 degrees of freedom, sd = 0.02.
    assert row["high"] - row["mean"] == pytest.approx(4.302653 * 0.02 / math.sqrt(3))


def test_the_interval_covers_the_truth_95_times_in_100_where_a_normal_one_would_not() -> None:
    n, truth = 5, 0.97
    draws = pd.DataFrame(np.random.default_rng(0).normal(truth, 0.004, size=(40_000, n)))
    mean, sd, count = draws.mean(axis=1), draws.std(axis=1), draws.count(axis=1)
    low, high = student(mean, sd, count)
    assert 0.94 < ((low < truth) & (truth < high)).mean() < 0.96
    normal = 1.96 * sd / np.sqrt(n)
    assert ((mean - truth).abs() < normal).mean() < 0.90


def test_one_seed_has_a_mean_and_neither_deviation_nor_interval() -> None:
    runs, points = rows(product(["pre"], seeds=[4]))
    arm = only(arms.average_arms(arms.score_runs(runs)))
    row = only(at(averages(runs, points), "validation_accuracy", STEPS))
    assert arm["validation_accuracy"] == row["mean"] == pytest.approx(0.94)
    assert math.isnan(arm["validation_accuracy_sd"])
    assert math.isnan(row["low"])
    assert math.isnan(row["high"])
    assert arm["n"] == row["n"] == 1


def test_an_arm_ends_with_the_mean_and_the_deviation_of_its_seeds() -> None:
    table = arms.average_arms(arms.score_runs(rows(product(), accuracy=lambda run: (0.90, 0.92, 0.94)[run.seed])[0]))
    assert list(table["placement"]) == ["none", "pre", "post"]
    assert table["validation_accuracy"].to_list() == pytest.approx([0.92] * 3)
    assert table["test_accuracy_sd"].to_list() == pytest.approx([0.02] * 3)
    assert table["n"].to_list() == [3, 3, 3]


def test_a_diverged_run_counts_at_chance_in_the_mean_at_the_end() -> None:
    sweep = product(["pre"])
    runs, _ = rows(sweep, accuracy=lambda _: 0.97, diverged={sweep[1]: 7})
    arm = only(arms.average_arms(arms.score_runs(runs)))
    assert arm["validation_accuracy"] == pytest.approx((0.97 + 0.97 + 0.1) / 3)
    assert arm["test_accuracy"] == pytest.approx((0.97 + 0.97 + 0.1) / 3)
    assert (arm["n"], arm["diverged"], arm["stuck"]) == (3, 1, 0)


def test_after_its_divergence_a_run_counts_at_chance_and_at_its_loss_at_initialization() -> None:
    sweep = product(["pre"], seeds=range(2))
    runs, points = rows(sweep, accuracy=lambda _: 0.9, diverged={sweep[0]: 22})
    estimates = averages(runs, points)
    assert (estimates.loc[(estimates["metric"] == "validation_accuracy"), "n"] == 2).all()
    assert (estimates.loc[(estimates["metric"] == "train_loss"), "n"] == 2).all()
    assert at(estimates, "validation_accuracy", 20)["mean"].item() == pytest.approx(0.5)  # half way, both
    assert at(estimates, "validation_accuracy", 40)["mean"].item() == pytest.approx((0.9 + 0.1) / 2)
    assert at(estimates, "train_loss", 20)["mean"].item() == pytest.approx((START_LOSS + END_LOSS) / 2)
    assert at(estimates, "train_loss", 25)["mean"].item() == pytest.approx((1.15 + START_LOSS) / 2)
    assert at(estimates, "train_loss", 40)["mean"].item() == pytest.approx((END_LOSS + START_LOSS) / 2)
    assert at(estimates, "test_loss", 40)["mean"].item() == pytest.approx((END_LOSS + START_LOSS) / 2)


def test_an_arm_that_diverged_altogether_is_followed_to_the_end_at_its_evaluations() -> None:
    sweep = product(["none"])
    runs, points = rows(sweep, diverged=dict.fromkeys(sweep, 3))
    estimates = averages(runs, points)
    drawn = estimates[estimates["metric"] == "validation_accuracy"]
    assert drawn["step"].to_list() == [0, 10, 20, 30, 40]
    assert drawn["mean"].to_list() == pytest.approx([0.1] * 5)
    assert at(estimates, "train_loss", 40)["mean"].item() == pytest.approx(START_LOSS)


def test_without_a_finite_loss_at_initialization_a_diverged_run_counts_as_a_uniform_guess() -> None:
    sweep = product(["none"], seeds=[0])
    runs, points = rows(sweep, diverged={sweep[0]: 3})
    points["validation_loss"] = np.inf
    assert at(averages(runs, points), "train_loss", 40)["mean"].item() == pytest.approx(math.log(10))


def test_arms_with_unequal_seeds_are_averaged_over_their_own() -> None:
    runs, points = rows(product(["none"], seeds=range(2)) + product(["pre"], seeds=range(5)))
    drawn = at(averages(runs, points), "validation_accuracy", STEPS).set_index("placement")
    assert drawn["n"].to_dict() == {"none": 2, "pre": 5}
    assert drawn["mean"].to_dict() == pytest.approx({"none": 0.905, "pre": 0.92})


def test_a_run_is_stuck_if_it_ends_within_two_points_of_chance_without_diverging() -> None:
    sweep = product(["none"], seeds=range(4))
    runs, _ = rows(sweep, accuracy=lambda run: (0.09, 0.12, 0.13, 0.9)[run.seed], diverged={sweep[3]: 9})
    arm = only(
        arms.average_arms(arms.score_runs(arms.score_runs(runs)))
    )  # counted twice, and still not stuck for being at chance
    assert (arm["n"], arm["stuck"], arm["diverged"]) == (4, 2, 1)


def test_failed_runs_are_missing_and_a_run_asked_twice_counts_once() -> None:
    runs, _ = rows(product(["pre"]), accuracy=lambda run: 0.9 + 0.03 * run.seed)
    runs.loc[runs["seed"] == 0, "status"] = "failed"
    arm = only(arms.average_arms(arms.score_runs(pd.concat([runs, runs[runs["seed"] == 1]]))))
    assert [arm["n"], arm["validation_accuracy"]] == pytest.approx([2, 0.945])


def test_training_values_are_taken_together_weighted_by_the_steps_they_stand_for() -> None:
    run = dataclasses.replace(product(["pre"], seeds=[0])[0], steps=150, evaluate=150)
    runs, points = rows([run])
    steps = np.array([0, 2, 3, *range(6, 151, 3)])  # of 50 parts with 3 steps each, the first holds two points
    points = points.iloc[[0] * len(steps)].assign(step=steps, train_loss=[np.nan, 0.9, 0.6, *[0.5] * 49])
    curve = curves.complete_curves(points, arms.score_runs(runs)).dropna(subset="train_loss")
    assert curve["step"].to_list() == list(range(3, 151, 3))
    assert curve["train_loss"].to_list() == pytest.approx([(2 * 0.9 + 0.6) / 3] + [0.5] * 49)


def test_the_axes_are_the_settings_that_differ() -> None:
    assert arms.axes(arms.score_runs(rows(product())[0])) == ["placement", "activation"]
    assert arms.axes(arms.score_runs(rows(product(lrs=[0.1, 1.0]))[0])) == ["placement", "activation", "lr"]


def test_steps_that_follow_from_the_batch_size_are_no_axis_and_others_are() -> None:
    (run,) = product(["pre"], seeds=[0])
    small, longer = dataclasses.replace(run, batch_size=30, steps=80, evaluate=20), dataclasses.replace(run, steps=80)
    assert arms.axes(arms.score_runs(rows([run, small])[0])) == ["placement", "activation", "batch_size"]
    assert arms.axes(arms.score_runs(rows([run, longer])[0])) == ["placement", "activation", "steps"]


def test_an_arm_in_which_a_setting_cannot_act_belongs_to_every_value_of_it() -> None:
    sweep = [dataclasses.replace(run, norm_eps=eps) for run in product(seeds=[0]) for eps in (1e-5, 1e-3)]
    runs, _ = rows([run for run in sweep if run.placement != "none"] + sweep[:1])
    cells = combinations(arms.score_runs(runs), ["norm_eps"]).to_dict("records")
    assert cells == [{"norm_eps": 1e-5}, {"norm_eps": 1e-3}]
    for cell in cells:
        assert list(rows_of(arms.average_arms(arms.score_runs(runs)), cell)["placement"]) == ["none", "pre", "post"]


def test_a_setting_that_cannot_act_makes_no_setting_of_its_own_only_where_another_agrees() -> None:
    (run,) = product(["pre"], seeds=[0])
    sgd = [dataclasses.replace(run, momentum=momentum) for momentum in (0.0, 0.9)]
    runs, _ = rows([*sgd, dataclasses.replace(run, optimizer=Optimizer.adam)])
    scored = arms.score_runs(runs)
    cells = combinations(scored, [name for name in arms.axes(scored) if name not in arms.COMPARED]).to_dict("records")
    optimizers = [(cell["optimizer"], cell["momentum"]) for cell in cells]
    assert optimizers[:2] == [("sgd", 0.0), ("sgd", 0.9)]
    assert optimizers[2][0] == "adam"
    assert len(rows_of(arms.average_arms(scored), cells[2])) == 1


def test_arms_are_in_the_order_of_their_choices_and_of_their_numbers() -> None:
    runs, _ = rows(product(["post", "none"], list(reversed(Activation)), [1.0, 0.02, 0.1], seeds=[0]))
    table = arms.average_arms(arms.score_runs(runs))
    assert table["placement"].drop_duplicates().to_list() == ["none", "post"]
    assert table["activation"].drop_duplicates().to_list() == list(Activation)
    assert table["lr"].head(3).to_list() == [0.02, 0.1, 1.0]
    wide = [dataclasses.replace(run, hidden=(width,)) for run in product(["none"], seeds=[0]) for width in (100, 20)]
    assert arms.average_arms(arms.score_runs(rows(wide)[0]))["hidden"].to_list() == ["20", "100"]
