"""A difference that running statistics may have made carries that warning, and the command that settles it."""

import dataclasses
from collections.abc import Callable, Iterable

import pandas as pd

from bnexp.runs import Run
from bnexp.statistics.arms import score_runs
from bnexp.statistics.comparisons import compare_at_best
from bnexp.verdicts.more_seeds import Destination
from bnexp.verdicts.notes import put_into_words
from bnexp.verdicts.verdicts import Verdict, headline, write_verdicts
from tests.support.synthetic import clear_accuracy, grid, product, rows

BN = ("pre", "post")
STALE = "evaluated by running statistics of which 67 % are from before training"
SETTLES = "norm.statistics=population compares the same arms without them"


def momenta(runs: Iterable[Run], *values: float) -> list[Run]:
    return [dataclasses.replace(run, norm_momentum=value) for run in runs for value in values]


def judge(
    sweep: Iterable[Run],
    compared: str = "placement",
    change: Callable[[pd.DataFrame], pd.DataFrame] = lambda runs: runs,
) -> list[Verdict]:
    runs = change(rows(sweep, clear_accuracy)[0])
    whole = grid(runs, compared)
    stores = [Destination("here", set(runs["run"]), {})]
    return write_verdicts(compare_at_best(whole), whole.design, score_runs(runs), stores)


def test_a_verdict_made_by_stale_running_statistics_says_so_and_how_to_settle_it() -> None:
    (verdict,) = judge(momenta(product(BN, lrs=[0.1, 1.0], seeds=range(8)), 0.01))
    assert (verdict.kind, verdict.badge) == ("better", "difference, lr at the edge, in doubt")
    assert verdict.sentence.endswith(f"; beware: pre and post are {STALE}; {SETTLES}.")
    assert headline([verdict]) == (
        "Post is better than pre (lr of pre and post at the edge of the grid; running statistics in doubt) for relu."
    )
    assert verdict.command == (
        "bnexp -m steps=40 evaluate=10 placement=pre,post lr=0.1,1.0 data=digits data.train=1200 data.validation=300 "
        "norm.statistics=population 'seed=range(8)' name=here"
    )


def test_with_fresh_statistics_there_is_no_warning() -> None:
    (verdict,) = judge(product(BN, seeds=range(8)))
    assert "beware" not in verdict.sentence
    assert "doubt" not in headline([verdict])
    assert verdict.command is None


def test_an_undecided_contrast_is_settled_before_seeds_are_added() -> None:
    (verdict,) = judge(momenta(product(BN, seeds=range(3)), 0.01))
    assert verdict.sentence.endswith(f"beware: pre and post are {STALE}; {SETTLES}.")
    assert "norm.statistics=population 'seed=range(3)'" in str(verdict.command)


def test_the_arm_without_a_norm_is_not_stale() -> None:
    (verdict,) = judge(momenta(product(["none", "pre"], seeds=range(8)), 0.01))
    assert f"beware: pre is {STALE}; {SETTLES}" in verdict.sentence
    assert "placement=none,pre" in str(verdict.command)


def test_arms_that_differ_in_their_momentum_alone_are_warned_of_and_not_settled() -> None:
    (verdict,) = judge(momenta(product(["pre"], seeds=range(8)), 0.01, 0.1), "norm.momentum")
    assert f"beware: norm.momentum 0.01 is {STALE}" in verdict.sentence
    assert "norm.statistics" not in verdict.sentence
    assert "norm.statistics" not in str(verdict.command)


def test_what_population_statistics_have_settled_is_not_asked_for_again() -> None:
    sweep = momenta(product(BN, seeds=range(8)), 0.01)
    settled = [dataclasses.replace(run, norm_statistics="population") for run in sweep]
    running, population = judge([*sweep, *settled])
    assert running.sentence.endswith("statistics population, which is stored too, compares the same arms without them.")
    assert (running.command, population.command) == (None, None)
    assert "beware" not in population.sentence


def test_an_arm_that_falls_behind_its_training_is_told() -> None:
    def overfit(runs: pd.DataFrame) -> pd.DataFrame:
        return runs.assign(train_accuracy=runs["train_accuracy"] + 0.34 * (runs["placement"] == "post"))

    (verdict,) = judge(product(BN, seeds=range(8)), change=overfit)
    assert verdict.sentence.endswith(
        "beware: post, evaluated by running statistics, falls 34 points further behind its training accuracy than pre; "
        f"{SETTLES}."
    )


def test_the_table_of_effects_says_it_too() -> None:
    runs, _ = rows(momenta(product(["none", "pre"], seeds=range(8)), 0.01), clear_accuracy)
    (note,) = put_into_words(compare_at_best(grid(runs)), "placement")["note"]
    assert note == f"pre is {STALE}"
