"""How much of the running statistics is from before training, against the engine, and which arms they make doubtful."""

import dataclasses

import numpy as np
import pytest
import torch

from bnexp.runs import Run
from bnexp.statistics.comparisons import compare_at_best
from bnexp.statistics.notes import FallsBehind, StaleStatistics
from bnexp.statistics.running_statistics import lag, share_left, uses_running
from tests.support.synthetic import grid, product, rows

BN = ("pre", "post")


def change(runs: list[Run], **settings: object) -> list[Run]:
    return [dataclasses.replace(run, **settings) for run in runs]


@pytest.mark.parametrize(("momentum", "steps"), [(0.1, 7), (0.001, 100), (1.0, 1)])
def test_the_share_left_is_what_torch_leaves_of_the_start(momentum: float, steps: int) -> None:
    (run,) = change(product(["pre"], seeds=[0]), norm_momentum=momentum, steps=steps)
    norm = torch.nn.BatchNorm1d(1, momentum=momentum, dtype=torch.float64)
    for _ in range(steps):
        norm(torch.full((4, 1), 5.0, dtype=torch.float64))  # no variance: all that is left is that of the start
    assert share_left(rows([run])[0])[0] == pytest.approx(norm.running_var.item(), abs=1e-12)
    assert share_left(rows([run])[0])[0] == pytest.approx(1 - norm.running_mean.item() / 5, abs=1e-12)


def test_only_what_is_evaluated_by_running_statistics_has_a_share() -> None:
    sweep = [
        *product(["none", "pre"], seeds=[0]),
        *change(product(["post"], seeds=[0]), norm_statistics="population"),
        *product(["pre"], seeds=[1]),
    ]
    runs, _ = rows(sweep, diverged={sweep[3]: 5})
    assert uses_running(runs).tolist() == [False, True, False, False]
    assert share_left(runs).tolist() == pytest.approx([0, 0.9**40, 0, 0])
    assert lag(runs).tolist() == [0, 0, 0, 0]


@pytest.mark.parametrize(("momentum", "stale"), [(0.1, False), (0.05, True)])
def test_arms_are_stale_where_a_fiftieth_of_the_start_is_left(momentum: float, stale: bool) -> None:
    runs, _ = rows(change(product(BN, seeds=range(7)), norm_momentum=momentum))
    (notes,) = compare_at_best(grid(runs))["notes"]
    doubts = [note for note in notes if isinstance(note, StaleStatistics)]
    assert [doubt.level for doubt in doubts] == (["post", "pre"] if stale else [])
    assert [doubt.share for doubt in doubts] == pytest.approx([0.95**40] * len(doubts))


@pytest.mark.parametrize(("by", "doubted"), [(0.09, []), (0.11, ["pre"])])
def test_an_arm_that_falls_behind_its_training_more_than_the_other_is_doubtful(by: float, doubted: list[str]) -> None:
    runs, _ = rows(product(BN, seeds=range(7)))
    runs["train_accuracy"] += 0.3 + by * (runs["placement"] == "pre")  # both overfit
    (notes,) = compare_at_best(grid(runs))["notes"]
    assert [note.level for note in notes if isinstance(note, FallsBehind)] == doubted
    assert [note.lag for note in notes if isinstance(note, FallsBehind)] == pytest.approx([by] * len(doubted))


def test_an_arm_without_running_statistics_that_overfits_is_not_doubtful() -> None:
    runs, _ = rows(product(["none", "pre"], seeds=range(7)))
    runs["train_accuracy"] += 0.3 * (runs["placement"] == "none")
    (notes,) = compare_at_best(grid(runs))["notes"]
    assert notes == ()


def test_runs_that_are_not_paired_make_nothing_stale() -> None:
    sweep = product(["pre"], seeds=range(3)) + product(["post"], seeds=range(3, 6))
    runs, _ = rows(change(sweep, norm_momentum=0.001))
    (notes,) = compare_at_best(grid(runs))["notes"]
    assert not np.any([isinstance(note, StaleStatistics) for note in notes])
