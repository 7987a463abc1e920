"""Packs: rectangles that hold every run once, and mix nothing that one program cannot train.

Letters: S seeds, G arms, R = S·G lanes.
"""

import itertools
import random

import pytest

from bnexp.choices import Activation, Placement
from bnexp.engine.packs import Pack, form_packs, shape
from bnexp.runs import Run, arm, identity
from tests.test_runs import BASE, DIGEST, FIELDS, acts_in, changed, varied


def some_runs() -> list[Run]:
    """Two shapes; in one of them, seed 2 lacks some arms."""
    seeds, placements, activations = range(3), ("none", "pre", "post"), ("relu", "tanh", "sigmoid")
    start = Run(data="digits", data_train=100, data_validation=10, steps=9, evaluate=3)
    arms = [
        varied(start, placement=p, activation=a, lr=lr)
        for p, a, lr in itertools.product(placements, activations, (0.01, 0.1))
    ]
    whole = [varied(a, seed=seed) for seed in seeds for a in arms if seed < 2 or a.placement != "pre"]
    return whole + [varied(run, optimizer="adam") for run in whole[::3]]


@pytest.mark.parametrize("lanes", [1, 2, 5, 18, 32, 1000])
def test_packs_hold_each_run_exactly_once_and_no_more_than_the_lanes(lanes: int) -> None:
    runs = some_runs()
    cut = list(form_packs(runs, lanes))
    assert sorted((run for pack in cut for run in pack.runs), key=repr) == sorted(runs, key=repr)
    assert max(len(pack.runs) for pack in cut) <= lanes


@pytest.mark.parametrize("lanes", [1, 7, 32])
def test_equal_sets_of_runs_give_equal_packs_in_whatever_order_and_however_often_they_are_asked(lanes: int) -> None:
    runs = some_runs()
    expected = list(form_packs(runs, lanes))
    for seed in range(5):
        shuffled = runs + runs[::2]
        random.Random(seed).shuffle(shuffled)  # noqa: S311 - no secret
        assert list(form_packs(shuffled, lanes)) == expected


def test_runs_that_differ_only_in_what_cannot_act_are_one_run_in_one_lane() -> None:
    runs = [varied(run, norm_eps=eps) for run in some_runs() for eps in (1e-5, 1e-3)]
    packed = [run for pack in form_packs(runs, 32) for run in pack.runs]
    ids = [identity(run, DIGEST) for run in packed]
    assert sorted(ids) == sorted({identity(run, DIGEST) for run in runs})
    assert set(packed) <= set(runs)
    assert list(form_packs(reversed(runs), 32)) == list(form_packs(runs, 32))


def test_a_pack_is_a_rectangle_of_seeds_and_arms_in_the_order_of_its_lanes() -> None:
    for pack in form_packs(some_runs(), 12):
        rows = [pack.runs[s * pack.arms : (s + 1) * pack.arms] for s in range(len(pack.seeds))]
        assert [[run.seed for run in row] for row in rows] == [[seed] * pack.arms for seed in pack.seeds]
        assert all([arm(run) for run in row] == [arm(run) for run in rows[0]] for row in rows)


def test_arms_lie_in_the_order_of_placements_then_of_activations_so_that_equal_ones_are_side_by_side() -> None:
    for pack in form_packs(some_runs(), 1000):
        kinds = [(list(Placement).index(run.placement), list(Activation).index(run.activation)) for run in pack.runs]
        assert kinds[: pack.arms] == sorted(kinds[: pack.arms])
        assert len(set(kinds)) > 1


def test_arms_of_one_seed_stay_together_as_far_as_they_fit() -> None:
    runs = [run for run in some_runs() if run.optimizer == "sgd" and run.seed < 2]
    assert [(len(pack.seeds), pack.arms) for pack in form_packs(runs, 36)] == [(2, 18)]
    assert [(len(pack.seeds), pack.arms) for pack in form_packs(runs, 35)] == [(1, 18), (1, 18)]
    assert [(len(pack.seeds), pack.arms) for pack in form_packs(runs, 10)] == [(1, 9)] * 4


@pytest.mark.parametrize(
    ("arms", "seeds", "lanes", "workers", "cut"),
    [
        (6, 3, 32, 1, [(3, 6)]),
        (6, 3, 32, 2, [(3, 3)] * 2),  # not 1 seed × 6 arms three times: one worker would train two of them
        (12, 8, 32, 2, [(2, 12)] * 4),
        (1, 10, 32, 2, [(5, 1)] * 2),
        (10, 1, 4, 1, [(1, 4), (1, 4), (1, 2)]),
        (1, 1, 32, 16, [(1, 1)]),
        (3, 2, 32, 16, [(1, 1)] * 6),
    ],
)
def test_a_rectangle_is_cut_so_that_the_last_worker_is_done_soonest(
    arms: int, seeds: int, lanes: int, workers: int, cut: list[tuple[int, int]]
) -> None:
    runs = [varied(BASE, lr=0.1 + a / 100, seed=s) for a in range(arms) for s in range(seeds)]
    assert [(len(pack.seeds), pack.arms) for pack in form_packs(runs, lanes, workers)] == cut


SHAPE = {
    *("data", "data_train", "data_validation", "data_standardize", "hidden", "batch_size", "steps", "evaluate"),
    *("optimizer", "nesterov", "dtype", "activation_code"),
}


@pytest.mark.parametrize("name", FIELDS)
def test_two_runs_share_a_pack_unless_they_differ_in_data_sizes_length_or_kind_of_optimizer(name: str) -> None:
    run = acts_in(name)
    together = len(list(form_packs([run, changed(run, name)], 1000))) == (2 if name in SHAPE else 1)
    assert together
    assert (shape(changed(run, name)) == shape(run)) == (name not in SHAPE)


def test_a_run_without_momentum_shares_a_pack_with_one_that_has_it() -> None:
    runs = [varied(BASE, momentum=momentum) for momentum in (0.0, 0.9)]
    assert [len(pack.runs) for pack in form_packs(runs, 32)] == [2]


def test_nesterov_is_one_for_a_whole_pack_because_the_engine_reads_it_once() -> None:
    runs = [varied(BASE, momentum=m, nesterov=n) for m, n in itertools.product((0.0, 0.9), (False, True))]
    for pack in form_packs(runs, 32):
        assert len({run.nesterov for run in pack.runs}) == 1


def test_a_pack_that_is_no_rectangle_cannot_be_made() -> None:
    runs = tuple(varied(BASE, seed=seed, lr=lr) for seed, lr in [(0, 0.1), (0, 0.2), (1, 0.1), (1, 0.3)])
    with pytest.raises(AssertionError):
        Pack(runs, (0, 1))
    with pytest.raises(AssertionError):
        Pack((BASE, changed(BASE, "hidden")), (0,))
