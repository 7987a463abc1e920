"""The command that adds seeds: typed by a user, it asks for the missing runs of the compared arms and no others."""

import dataclasses
import itertools
import math
from collections.abc import Callable, Iterable, Sequence

import numpy as np
import pandas as pd
import pytest

from bnexp.choices import Optimizer
from bnexp.runs import Run, to_canonical
from bnexp.statistics.arms import score_runs
from bnexp.statistics.comparisons import compare_at_best
from bnexp.verdicts.answers import answer_cells
from bnexp.verdicts.commands import write_sweep_command
from bnexp.verdicts.more_seeds import Destination, Proposal, propose_seeds
from tests.support.synthetic import clear_accuracy, grid, name, product, rows

BN = ("pre", "post")
DATA = "data=digits data.train=1200 data.validation=300"


def over(runs: Iterable[Run], setting: str, values: Iterable[object]) -> list[Run]:
    return [dataclasses.replace(run, **{setting: value}) for run in runs for value in values]


def commands(
    sweep: Sequence[Run],
    compared: str = "placement",
    stores: Sequence[Destination] | None = None,
    change: Callable[[pd.DataFrame], pd.DataFrame] = lambda runs: runs,
) -> list[str | None]:
    """Return the command for each cell of the runs `sweep`, all in one store unless told otherwise."""
    runs = change(rows(sweep, clear_accuracy)[0])
    whole = grid(runs, compared)
    answers = answer_cells(compare_at_best(whole), whole.design)
    stores = [Destination("here", set(runs["run"]), {})] if stores is None else stores
    proposals = [propose_seeds(answer, score_runs(runs), stores) for answer in answers]
    return [None if proposal is None else proposal.command for proposal in proposals]


def seeds(command: str | None) -> str:
    assert command is not None
    return command.split("seed=")[1].split()[0].strip("'")


def test_only_the_two_compared_arms_are_asked_for_at_every_learning_rate_that_they_tried() -> None:
    relu, tanh = commands(product(activations=["relu", "tanh"], lrs=[0.1, 1.0], seeds=range(3)))
    fixed = f"bnexp -m steps=40 evaluate=10 placement=pre,post{{}} lr=0.1,1.0 {DATA} 'seed=range(6)' name=here"
    assert relu == fixed.format("")
    assert tanh == fixed.format(" activation=tanh")


@pytest.mark.parametrize(
    ("stored", "asked"),
    [(range(3), "range(6)"), (range(5, 8), "range(5,11)"), ([3, 7], "3,7,8,9,10,11"), ([4, 1, 0], "0,1,4,5,6,7")],
)
def test_further_seeds_come_after_those_that_are_there(stored: Iterable[int], asked: str) -> None:
    (command,) = commands(product(BN, seeds=stored))
    assert seeds(command) == asked


def test_seeds_that_one_arm_has_come_before_new_ones() -> None:
    (command,) = commands(product(["pre"], seeds=range(20)) + product(["post"], seeds=[1, 3]))
    assert seeds(command) == "range(6)"  # 1 and 3 of both, then 0, 2, 4 and 5 of pre


def test_arms_whose_learning_rates_differ_get_a_command_each() -> None:
    sweep = product(["pre"], lrs=[0.1, 1.0], seeds=range(3)) + product(["post"], lrs=[0.1, 3.0], seeds=range(3))
    (command,) = commands(sweep)
    assert command == (
        f"bnexp -m steps=40 evaluate=10 placement=pre lr=0.1,1.0 {DATA} 'seed=range(6)' name=here\n"
        f"bnexp -m steps=40 evaluate=10 placement=post lr=0.1,3.0 {DATA} 'seed=range(6)' name=here"
    )


def test_a_run_on_top_of_the_sweep_changes_no_command() -> None:
    sweep = product(lrs=[0.1, 1.0], seeds=range(3))
    assert commands(sweep) == commands([*sweep, *product(["pre"], lrs=[0.1], seeds=[2])])


def test_a_setting_that_cannot_act_in_one_arm_is_asked_for_as_in_the_other() -> None:
    sweep = over(product(["none", "pre"], seeds=range(3)), "norm_eps", [1e-3, 1e-5])
    first, second = commands(sweep)
    assert "placement=none,pre" in str(first)
    assert "placement=none,pre" in str(second)
    assert "norm.eps" not in str(first)  # 1e-5, the default
    assert "norm.eps=0.001" in str(second)


def test_cells_in_which_a_setting_cannot_act_get_their_own_runs_only() -> None:
    sweep = over(product(BN, seeds=range(3)), "momentum", [0.0, 0.9])
    sweep += over(product(BN, seeds=range(3)), "optimizer", [Optimizer.adam])
    plain, heavy, adam = commands(sweep)
    assert "optimizer" not in str(plain)
    assert "optimizer.momentum=0.9" in str(heavy)
    assert "optimizer=adam" in str(adam)
    assert "momentum" not in str(adam)


def test_networks_are_compared_as_lists() -> None:
    (command,) = commands(over(product(["pre"], seeds=range(3)), "hidden", [(9,), (9, 8)]), "hidden")
    assert "'hidden=[9],[9,8]'" in str(command)


def test_the_store_the_data_and_the_least_that_was_measured_are_those_of_the_compared_runs() -> None:
    sweep = product(BN, seeds=range(3))
    levels = lambda runs: runs.assign(probes=["full", "basic"] * 3)  # noqa: E731
    stores = [
        Destination("other", set(), {}),
        Destination(
            "it's a+b", set(map(name, sweep)), {"digits": ["data.root='/data of mine'"], "mnist": ["data.root=/x"]}
        ),
    ]
    (command,) = commands(sweep, stores=stores, change=levels)
    assert str(command).endswith("""'name='"'"'it\\'"'"'s a+b'"'"'' probes=basic 'data.root='"'"'/data of mine'"'"''""")


def test_runs_that_lie_apart_in_two_stores_get_no_command() -> None:
    sweep = product(BN, seeds=range(3))
    stores = [Destination("one", set(map(name, sweep[:3])), {}), Destination("two", set(map(name, sweep[3:])), {})]
    assert commands(sweep, stores=stores) == [None]


def test_a_sweep_is_the_full_product_of_its_settings_or_none() -> None:
    arms = product(BN, lrs=[0.1, 1.0], seeds=[0])
    assert write_sweep_command(arms, [0, 1]) is not None
    assert write_sweep_command(arms[:3], [0, 1]) is None


def test_a_number_of_training_examples_that_is_the_default_is_named_where_validation_is_not() -> None:
    (arm,) = product(["pre"], seeds=[0])
    arm = dataclasses.replace(arm, data="mnist", data_train=50_000, data_validation=5_000)
    assert "data.train=50000 data.validation=5000" in str(write_sweep_command([arm], [0]))


def test_the_arms_of_a_product_are_those_that_were_given() -> None:
    pairs = itertools.product(product(seeds=[0]), (1e-5, 1e-3))
    arms = [dataclasses.replace(run, norm_eps=eps) for run, eps in pairs]
    assert len({to_canonical(arm) for arm in arms}) == 5
    assert "norm.eps=1e-05,0.001" in str(write_sweep_command(arms, [0]))


def undecided(mean: float, sd: float, *, n: int = 10, seconds: float = math.nan, margin: float = 0.001) -> Proposal:
    """Return what is proposed for two arms whose accuracies differ by `mean` with `sd`, undecided with `n` seeds."""
    d = mean + sd * np.array([1, -1] * (n // 2)) * np.sqrt((n - 1) / n)
    runs, _ = rows(product(BN, seeds=range(n)), lambda run: 0.8 + d[run.seed] * (run.placement == "post"))
    runs, whole = runs.assign(seconds=seconds), grid(runs)
    (answer,) = answer_cells(compare_at_best(whole, margin=margin), whole.design)
    store = Destination("here", set(runs["run"]), {}, confirm="bnexp confirm here")
    proposal = propose_seeds(answer, score_runs(runs), [store])
    assert proposal is not None
    return proposal


def test_after_a_test_a_confirmation_is_proposed_and_no_second_look() -> None:
    proposal = undecided(0.004, 0.008, seconds=3.0)
    assert proposal == Proposal("a confirmation, by fresh seeds at frozen choices, decides it", "bnexp confirm here")
    assert undecided(0.004, 0.03, seconds=5e5) == proposal  # what it takes is said with its plan, not for each contrast


def test_seeds_that_are_stored_of_one_arm_cost_nothing() -> None:
    runs, _ = rows(product(["pre"], seeds=range(5)) + product(["post"], seeds=range(3)), clear_accuracy)
    whole = grid(runs)
    (answer,) = answer_cells(compare_at_best(whole), whole.design)
    proposal = propose_seeds(answer, score_runs(runs.assign(seconds=100.0)), [])
    assert proposal == Proposal("3 more seeds would make one possible, about 6.7 core minutes")  # 1 of pre, 3 of post


def test_a_difference_below_the_margin_is_not_worth_more_seeds() -> None:
    assert undecided(0.0008, 0.004).command is None
    assert undecided(0.0008, 0.004).words == ("the difference is smaller than what is worth deciding (margin 0.1 pp)")
    assert undecided(0.0008, 0.004, margin=0.0005).command is not None


def test_too_few_seeds_for_a_test_become_as_many_as_make_one_possible() -> None:
    proposal = undecided(0.35, 0.02, n=4, seconds=2.0)
    assert proposal.words == "2 more seeds would make one possible, about 8 core seconds"
    assert seeds(proposal.command) == "range(6)"
    assert seeds(undecided(0.0001, 0.02, n=4).command) == "range(6)"  # what 4 seeds say of its size is not believed
    assert undecided(0.35, 0.02, n=2, seconds=1e5).command is not None  # nothing is known without a test
