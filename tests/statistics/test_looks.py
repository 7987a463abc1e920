"""How often a store was looked at, from what its commands asked for."""

from collections.abc import Iterable

from bnexp.runs import Run
from bnexp.statistics.arms import score_runs
from bnexp.statistics.looks import DesignChanges, count_additions, count_changes
from bnexp.store.records import SweepRecord
from tests.support.synthetic import name, product, rows

BN = ("pre", "post")


def additions(*commands: Iterable[Run]) -> int:
    sweeps = [list(command) for command in commands]
    records = [SweepRecord(created=str(i), asked=list(map(name, sweep))) for i, sweep in enumerate(sweeps)]
    return count_additions(records, score_runs(rows([run for sweep in sweeps for run in sweep])[0]))


def test_each_command_that_adds_seeds_to_an_arm_is_one_more_look() -> None:
    assert additions(product(BN)) == 0
    assert additions(product(BN), product(BN, seeds=range(5)), product(["pre"], seeds=range(9))) == 2


def test_a_wider_grid_another_arm_and_the_same_command_again_add_none() -> None:
    assert additions(product(BN), product(BN, lrs=(0.1, 0.3)), product(BN, ["tanh"], seeds=range(9)), product(BN)) == 0


def test_what_a_command_asked_for_and_did_not_get_is_no_look() -> None:
    records = [SweepRecord(created="1", asked=["a"]), SweepRecord(created="2", asked=["b"])]
    assert count_additions(records, score_runs(rows(product(BN))[0])) == 0


def changes(*commands: tuple[Iterable[Run], str]) -> DesignChanges:
    sweeps = [(list(command), question) for command, question in commands]
    records = [
        SweepRecord(
            created=str(i),
            command=f"bnexp {i}",
            asked=list(map(name, sweep)),
            configuration={"study": {"question": question}},
        )
        for i, (sweep, question) in enumerate(sweeps)
    ]
    return count_changes(records, score_runs(rows([run for sweep, _ in sweeps for run in sweep])[0]))


def test_arms_rates_and_questions_of_later_commands_are_changes_of_the_design() -> None:
    first = (product(BN), "Before?")
    assert changes(first, (product(BN, seeds=range(9)), "Before?"), first) == DesignChanges()
    assert changes(first, (product(BN, ["tanh"]), "Before?")) == DesignChanges(arms=1)
    assert changes(first, (product(BN, lrs=(0.3,)), "Before?")) == DesignChanges(rates=1)
    assert changes(first, (product(BN), "After?"), (product(BN), "Before?")) == DesignChanges(questions=1)
    assert changes((product(BN), ""), (product(BN), "")) == DesignChanges()


def test_records_of_one_command_are_one() -> None:
    sweep = product(BN)
    asked = [list(map(name, sweep[:3])), list(map(name, sweep[3:]))]
    records = [SweepRecord(created=str(i), command="bnexp -m", asked=part) for i, part in enumerate(asked)]
    assert count_changes(records, score_runs(rows(sweep)[0])) == DesignChanges()
