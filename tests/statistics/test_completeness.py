"""What was asked for and what is stored of it: the count, and the arms that are short."""

import dataclasses
from collections.abc import Iterable

import pandas as pd
import pytest

from bnexp.runs import Run
from bnexp.statistics.completeness import Completeness, ShortArm, list_unfinished, measure_completeness
from bnexp.store.records import SweepRecord
from tests.support.synthetic import name, product, rows

AXES = {"placement": ["pre", "post"], "lr": [0.1, 1.0], "seed": [0, 1, 2]}


def frame(runs: Iterable[Run], failed: Iterable[Run] = ()) -> pd.DataFrame:
    table, _ = rows(runs)
    return table.assign(status=table["status"].mask(table["run"].isin(set(map(name, failed))), "failed"))


def asked(runs: Iterable[Run], axes: dict[str, list[object]] | None = None) -> SweepRecord:
    return SweepRecord(asked=list(map(name, runs)), axes={} if axes is None else axes)


SWEEP = product(["pre", "post"], lrs=[0.1, 1.0])


def test_a_whole_sweep_is_complete() -> None:
    whole = measure_completeness([asked(SWEEP, AXES)], frame(SWEEP))
    assert whole == Completeness(12, 12)
    assert whole.complete


def test_an_arm_of_which_nothing_is_stored_is_short_where_the_plan_is_a_product() -> None:
    part = measure_completeness([asked(SWEEP, AXES)], frame(SWEEP[:8]))  # pre, and two seeds of post at 0.1
    assert part == Completeness(12, 8, (ShortArm("post / lr 0.1", 3, 2), ShortArm("post / lr 1", 3, 0)))
    assert not part.complete


def test_where_the_plan_is_no_product_the_fullest_arm_says_how_many_seeds_each_was_asked_for() -> None:
    part = measure_completeness([asked(SWEEP, {"epochs": [1, 2]})], frame(SWEEP[:8]))
    assert part == Completeness(12, 8, (ShortArm("post / relu / lr 0.1", 3, 2),))


def test_a_failed_run_is_not_stored() -> None:
    for axes in (AXES, None):
        part = measure_completeness([asked(SWEEP, axes)], frame(SWEEP, failed=SWEEP[:1]))
        assert (part.asked, part.stored) == (12, 11)
        assert [(arm.asked, arm.stored) for arm in part.short] == [(3, 2)]


def test_runs_of_one_arm_are_short_of_seeds() -> None:
    sweep = product(["pre"], seeds=range(5))
    part = measure_completeness([asked(sweep, {"seed": [0, 1, 2, 3, 4]})], frame(sweep[:2]))
    assert part.short == (ShortArm("all runs", 5, 2),)


def test_networks_are_known_by_their_widths() -> None:
    sweep = [dataclasses.replace(run, hidden=width) for width in ((9,), (9, 8)) for run in product(["pre"])]
    axes = {"hidden": [[9], [9, 8]], "seed": [0, 1, 2]}
    part = measure_completeness([asked(sweep, axes)], frame(sweep[:4]))
    assert part.short == (ShortArm("hidden 9-8", 3, 1),)


def test_several_commands_ask_for_a_run_once() -> None:
    first, second = asked(SWEEP[:6]), asked(SWEEP, AXES)
    part = measure_completeness([first, second, second], frame(SWEEP[:9]))
    assert part == Completeness(12, 9, (ShortArm("post / lr 1", 3, 0),))


def test_what_nobody_asked_for_counts_for_nothing() -> None:
    assert measure_completeness([asked(SWEEP[:6])], frame(SWEEP)) == Completeness(6, 6)
    assert measure_completeness([], frame(SWEEP)) == Completeness(0, 0)


@pytest.mark.parametrize("key", ["data.name", "optimizer.name"])
def test_a_group_is_known_by_its_name(key: str) -> None:
    field, values = {"data.name": ("data", ["digits", "mnist"]), "optimizer.name": ("optimizer", ["sgd", "adam"])}[key]
    sweep = [dataclasses.replace(run, **{field: value}) for value in values for run in product(["pre"])]
    part = measure_completeness([asked(sweep, {key: values, "seed": [0, 1, 2]})], frame(sweep[:3]))
    assert [(arm.asked, arm.stored) for arm in part.short] == [(3, 0)]


def axes_of(seeds: Iterable[int], lrs: Iterable[float] = (0.1, 1.0)) -> dict[str, list[object]]:
    return {"placement": ["pre", "post"], "lr": list(lrs), "seed": list(seeds)}


FEWER = product(["pre", "post"], lrs=[0.1, 1.0], seeds=range(2))


def test_who_gives_a_command_again_for_fewer_seeds_has_settled_for_these() -> None:
    wide, narrow, stored = asked(SWEEP, AXES), asked(FEWER, axes_of(range(2))), frame(FEWER)
    assert not measure_completeness([wide], stored).complete
    assert measure_completeness([wide, wide, narrow], stored) == Completeness(8, 8)
    assert list_unfinished([wide, wide, narrow], stored) == []


def test_who_wants_more_seeds_again_after_that_has_not() -> None:
    wide, narrow, stored = asked(SWEEP, AXES), asked(FEWER, axes_of(range(2))), frame(FEWER)
    assert measure_completeness([wide, narrow, wide], stored).asked == 12
    assert list_unfinished([narrow, wide], stored) == [wide]


@pytest.mark.parametrize(
    ("later", "axes", "stored"),
    [
        (FEWER[:4], {"lr": [0.1, 1.0], "seed": [0, 1]}, FEWER),  # a look at one placement
        (product(["pre", "post"], lrs=[0.1], seeds=range(2)), axes_of(range(2), [0.1]), FEWER),  # at one learning rate
        (FEWER, axes_of(range(2)), FEWER[:7]),  # which is not whole either
        (FEWER, axes_of(range(2)), SWEEP[:9]),  # a third seed of some arms is left over
        (FEWER, {"epochs": [1, 2]}, FEWER),  # of which nobody knows the arms
    ],
)
def test_a_look_at_a_part_of_a_sweep_settles_nothing(
    later: list[Run], axes: dict[str, list[object]], stored: list[Run]
) -> None:
    wide = asked(SWEEP, AXES)
    part = measure_completeness([wide, asked(later, axes)], frame(stored))
    assert (part.asked, part.complete) == (12, False)
    assert wide in list_unfinished([wide, asked(later, axes)], frame(stored))
