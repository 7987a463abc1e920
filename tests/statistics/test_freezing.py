"""Freezing: which rates, contrasts and how many seeds a confirmation takes, from what was explored alone."""

import dataclasses
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from bnexp.errors import UserError
from bnexp.runs import Run
from bnexp.statistics import freezing
from bnexp.statistics.freezing import Wish, choose_rates, freeze_plan, measure_seconds
from bnexp.statistics.intervals_and_tests import ALPHA
from bnexp.statistics.power import power
from bnexp.statistics.selection import choose_best
from bnexp.store.frozen import FrozenPlan
from tests.support.synthetic import grid, product, rows

BN = ("pre", "post")
LRS = (0.1, 0.3, 1.0)


def noisy(run: Run) -> float:
    """Return accuracies that are best at lr 0.3; post is 0.01 above pre."""
    seed = 1000 * ("none", "pre", "post").index(run.placement) + 100 * LRS.index(run.lr) + run.seed
    jitter = 0.002 * np.random.default_rng(seed).normal()
    return 0.9 - 0.02 * (run.lr != 0.3) + 0.01 * (run.placement == "post") + jitter


def frozen(
    sweep: Iterable[Run],
    accuracy: Callable[[Run], float] = noisy,
    *,
    compared: str = "placement",
    diverged: dict[Run, int] | None = None,
    used: Iterable[int] | None = None,
    **wish: Any,
) -> FrozenPlan:
    runs, _ = rows(sweep, accuracy, diverged=diverged or {})
    seeds = runs["seed"].tolist() if used is None else list(used)
    return freeze_plan(grid(runs, compared), Wish(**wish), used=seeds, frozen="now", rests_on=["then"])


def test_the_frozen_rate_is_the_best_on_validation_over_all_explored_seeds() -> None:
    plan = frozen(product(BN, lrs=LRS, seeds=range(6)))
    assert [(arm.level("placement"), arm.settings["lr"], arm.edge) for arm in plan.arms] == [
        ("pre", 0.3, ""),
        ("post", 0.3, ""),
    ]
    assert {arm.tried for arm in plan.arms} == {6}


def test_a_rate_at_which_a_run_diverged_gives_way_to_one_at_which_none_did_or_fell_far_behind() -> None:
    sweep = product(BN, lrs=LRS, seeds=range(12))
    (cliff,) = (run for run in sweep if (run.placement, run.lr, run.seed) == ("post", 0.3, 2))
    best = lambda run: noisy(run) + 0.07 * (run.lr == 0.3)  # noqa: E731 - the mean of 0.3 stays the best with one at chance
    runs, _ = rows(sweep, best, diverged={cliff: 10})
    assert grid(runs).column("validation_accuracy")[0].mean(axis=-1).argmax(axis=-1).tolist() == [1, 1]
    plan = frozen(sweep, best, diverged={cliff: 10})
    assert [(arm.settings["lr"], arm.diverged) for arm in plan.arms] == [(0.3, 0), (0.1, 0)]


def test_where_every_rate_diverged_now_and_then_the_one_that_did_least_is_frozen_and_says_so() -> None:
    sweep = product(BN, lrs=(0.1, 0.3), seeds=range(6))
    post = [run for run in sweep if run.placement == "post"]
    plan = frozen(sweep, diverged={run: 10 for run in post if run.seed < (1 if run.lr == 0.1 else 4)}, effect=0.02, n=9)
    assert [(arm.settings["lr"], arm.diverged) for arm in plan.arms] == [(0.3, 0), (0.1, 1)]


def test_what_is_foretold_is_the_difference_of_the_explored_seeds_on_which_both_trained() -> None:
    sweep = product(BN, lrs=(0.3,), seeds=range(6))
    (lost,) = (run for run in sweep if (run.placement, run.seed) == ("post", 2))
    (contrast,) = frozen(sweep, diverged={lost: 10}, n=20).contrasts
    trained = [run for run in sweep if run.seed != 2]
    d = np.array([noisy(run) * (1 if run.placement == "post" else -1) for run in trained]).reshape(2, 5).sum(axis=0)
    assert (contrast.n, contrast.direction) == (5, 1)
    assert contrast.mean == pytest.approx(d.mean())
    assert contrast.sd == pytest.approx(d.std(ddof=1))


def test_a_rate_that_fewer_than_three_seeds_explored_is_not_frozen() -> None:
    sweep = product(BN, lrs=(0.1,), seeds=range(4)) + product(BN, lrs=(0.3,), seeds=range(2))  # half of the seeds
    runs, _ = rows(sweep, noisy)
    whole = grid(runs)
    assert whole.lrs[choose_rates(whole)].tolist() == [[0.1, 0.1]]


def test_the_frozen_rate_is_the_one_that_every_page_names_where_runs_are_stuck_or_far_behind_too() -> None:
    sweep = product(BN, lrs=LRS, seeds=range(6))
    behind = lambda run: noisy(run) + 0.05 * (run.lr == 0.3) - 0.25 * (run.lr == 0.3 and run.seed == 2)  # noqa: E731
    whole = grid(rows(sweep, behind)[0])
    mean = whole.column("validation_accuracy").mean(axis=-1)
    assert whole.lrs[mean.argmax(axis=-1)].tolist() == [[0.3, 0.3]]
    assert whole.lrs[choose_rates(whole)].tolist() == whole.lrs[choose_best(whole)].tolist() == [[1.0, 0.1]]


def test_the_upper_limit_of_a_deviation_is_above_the_truth_in_eight_of_ten_studies() -> None:
    rng = np.random.default_rng(5)
    for n in (3, 6, 20):
        sd = rng.normal(0, 0.004, (20_000, n)).std(axis=1, ddof=1)
        assert (freezing.limit_deviation(sd, n) >= 0.004).mean() == pytest.approx(0.8, abs=0.01)


def test_n_is_the_least_with_the_stated_power_for_the_upper_limit_and_knows_nothing_of_the_observed_effect() -> None:
    sweep = product(BN, lrs=LRS, seeds=range(10))
    plan = frozen(sweep, effect=0.002)
    (contrast,) = plan.contrasts
    d_z = 0.002 / contrast.upper_sd
    assert contrast.upper_sd == pytest.approx(contrast.sd * np.sqrt(9 / stats.chi2.ppf(0.2, 9)))
    assert power(plan.n, d_z) >= 0.9 > power(plan.n - 1, d_z)
    far = frozen(sweep, lambda run: noisy(run) + 0.05 * (run.placement == "post"), effect=0.002)
    assert (far.n, far.contrasts[0].mean) == (plan.n, pytest.approx(contrast.mean + 0.05))


def test_a_family_gets_the_seeds_that_its_level_needs() -> None:
    sweep = product(BN, ["relu", "tanh"], LRS, range(10))
    plan = frozen(sweep, effect=0.002)
    worst = max(contrast.upper_sd for contrast in plan.contrasts)
    assert len(plan.contrasts) == 2
    assert power(plan.n, 0.002 / worst, ALPHA / 2) >= 0.9 > power(plan.n - 1, 0.002 / worst, ALPHA / 2)


def test_there_are_never_fewer_seeds_than_make_a_test_possible() -> None:
    plan = frozen(product(BN, lrs=LRS, seeds=range(10)), effect=0.5)
    assert plan.n == 6
    with pytest.raises(UserError, match="n must be at least 6, below which no test of 1 contrasts can be significant"):
        frozen(product(BN, lrs=LRS, seeds=range(10)), n=5)


def test_an_effect_that_would_take_too_many_seeds_is_refused_with_one_that_does_not() -> None:
    with pytest.raises(UserError, match=r"got 0.001 points where .* state a larger one, such as effect=0.2, or n=…"):
        frozen(product(BN, lrs=LRS, seeds=range(10)), effect=0.00001)


def test_a_number_of_seeds_that_is_given_says_what_power_it_has() -> None:
    plan = frozen(product(BN, lrs=LRS, seeds=range(10)), effect=0.002, n=12)
    exact = float(power(12, 0.002 / plan.contrasts[0].upper_sd))
    assert plan.n == 12
    assert exact - 0.01 < plan.power <= exact


def test_the_seeds_are_those_after_all_that_any_arm_of_the_store_had() -> None:
    sweep = product(BN, lrs=LRS, seeds=range(4, 10))
    assert frozen(sweep, n=8).seeds == range(10, 18)
    assert frozen(sweep, n=8, used=[*range(10), 99]).seeds == range(100, 108)
    assert frozen(sweep, n=8, first_seed=50).seeds == range(50, 58)
    with pytest.raises(UserError, match="got 0, and seed 4 is used: take seed=10"):
        frozen(sweep, n=8, first_seed=0)


def test_the_question_is_about_pre_and_post_or_about_the_two_best_and_all_are_all_pairs() -> None:
    sweep = product(lrs=LRS, seeds=range(6))
    pair = lambda plan: [  # noqa: E731
        (plan.arms[c.a].level(plan.compared), plan.arms[c.b].level(plan.compared)) for c in plan.contrasts
    ]
    assert pair(frozen(sweep, n=9)) == [("post", "pre")]
    assert pair(frozen(sweep, n=9, scope="all")) == [("pre", "none"), ("post", "none"), ("post", "pre")]
    momenta = [
        dataclasses.replace(run, momentum=momentum)
        for run in product(["pre"], seeds=range(6))
        for momentum in (0, 0.5, 0.9)
    ]
    order = {0: 0.92, 0.5: 0.8, 0.9: 0.9}
    plan = frozen(momenta, lambda run: order[run.momentum] + 0.001 * (run.seed % 3), compared="momentum", n=9)
    assert pair(plan) == [(0.9, 0.0)]
    assert plan.contrasts[0].direction == -1


def test_an_untuned_store_is_confirmed_at_the_rates_that_it_has_and_in_cells_of_several_axes() -> None:
    sweep = [
        dataclasses.replace(run, hidden=hidden)
        for run in product(BN, ["relu", "tanh"], [0.3], range(4))
        for hidden in ((9,), (9, 8))
    ]
    plan = frozen(sweep, n=9)
    assert [dict(contrast.cell) for contrast in plan.contrasts] == [
        {"activation": activation, "hidden": hidden} for activation in ("relu", "tanh") for hidden in ("9", "9-8")
    ]
    assert {arm.settings["lr"] for arm in plan.arms} == {0.3}
    assert len(plan.runs) == 8 * 9 == len(set(plan.runs))
    assert {run for run in plan.runs if run.seed == plan.first_seed} == {
        dataclasses.replace(run, seed=plan.first_seed) for run in sweep
    }


def test_an_arm_that_stands_in_several_cells_is_trained_once() -> None:
    sweep = [
        dataclasses.replace(run, norm_eps=eps)
        for run in product(["none", "pre"], lrs=[0.3], seeds=range(4))
        for eps in (1e-5, 1e-3)
    ]
    plan = frozen(sweep, lambda run: noisy(run) + run.norm_eps, n=9)
    assert (len(plan.arms), len(plan.contrasts)) == (3, 2)


def test_an_arm_that_diverges_everywhere_is_left_out_and_named() -> None:
    sweep = product(BN, ["relu", "tanh"], LRS, range(4))
    plan = frozen(
        sweep, diverged={run: 10 for run in sweep if run.activation == "relu" and run.placement == "pre"}, n=9
    )
    assert [dict(contrast.cell) for contrast in plan.contrasts] == [{"activation": "tanh"}]
    assert plan.left_out == (
        "relu: pre: every run diverged at every learning rate",
        "relu: no two arms that share 3 explored seeds",
    )


@pytest.mark.parametrize(
    ("sweep", "diverges", "found"),
    [
        (product(["pre"], seeds=range(6)), False, "got one arm in each cell: train another one first"),
        (product(BN, seeds=range(6)), True, "got runs that all diverged: explore smaller learning rates first"),
        (product(BN, seeds=range(2)), False, "got at most 2 of a learning rate: explore at least 3 seeds of both arms"),
        (
            product(["pre"], seeds=range(4)) + product(["post"], seeds=range(4, 8)),
            False,
            "got no two arms that share them",
        ),
    ],
)
def test_what_cannot_be_confirmed_is_refused_in_one_sentence(sweep: list[Run], diverges: bool, found: str) -> None:
    alone = product(["post"], ["tanh"], seeds=range(6)) if len({run.placement for run in sweep}) == 1 else []
    with pytest.raises(UserError, match=f"must rest on two arms with 3 explored seeds or more; {found}"):
        frozen([*sweep, *alone], noisy, diverged=dict.fromkeys(sweep, 10) if diverges else {})


def test_the_time_is_that_of_the_explored_runs_of_the_frozen_arms() -> None:
    sweep = product(BN, lrs=LRS, seeds=range(6))
    plan = frozen(sweep, n=10)
    runs, _ = rows(sweep, noisy)
    scored = grid(runs.assign(seconds=np.where(runs["lr"] == 0.3, 2.0, 100.0))).rows
    assert measure_seconds(scored, plan) == 2 * 10 * 2.0
    assert np.isnan(measure_seconds(pd.DataFrame(scored.drop(columns="seconds")), plan))
